import { run } from './run-vitest.mjs'

/** Of Vitest's: what its tests load is as new as the sources. */
export async function setup() {
  if ((await run('tsc', ['--build'])) !== 0) throw new Error('The packages could not be built.')
}
