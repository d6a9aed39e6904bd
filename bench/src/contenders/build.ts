import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** What a build of pg-nearest exports. Another build is taken to offer what the scenarios use of this one. */
export type Build = Pick<typeof import('pg-nearest'), 'createPool'>

/** @throws RangeError if there is no build in the folder, which is a checkout's `packages/pg-nearest`. */
export async function loadBuild(folder: string | undefined): Promise<Build> {
  if (folder === undefined) throw new RangeError('--other takes the folder of another build: packages/pg-nearest.')
  const file = resolve(folder, 'dist/index.js')
  const there = await stat(file).catch(() => undefined)
  if (there === undefined) throw new RangeError(`There is no ${file}: build it there first, with tsc --build.`)
  return (await import(pathToFileURL(file).href)) as Build
}
