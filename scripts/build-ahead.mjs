import { spawnSync } from 'node:child_process'

/** Of Vitest's: what its tests load is as new as the sources. */
export function setup() {
  const { status, stdout } = spawnSync('tsc', ['--build'], { encoding: 'utf8', env: withBin() })
  if (status !== 0) throw new Error(`The packages could not be built:\n${stdout}`)
}

function withBin() {
  const bin = new URL('../node_modules/.bin', import.meta.url).pathname
  return { ...process.env, PATH: `${bin}:${process.env.PATH}` }
}
