import { readFile, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { UsageError } from './usage-error.ts'

const MARK = '# Written by pg-nearest-world, which removes it when the world stops.\n'

/** A file of variables that is there as long as the world runs. Nobody else's file is overwritten, or removed. */
export interface EnvFile {
  write(lines: string): Promise<void>
  remove(): Promise<void>
}

/** @throws UsageError if another file is there. */
export async function claimEnvFile(file: string): Promise<EnvFile> {
  const path = resolve(file)
  const isOurs = async (): Promise<boolean> => (await textOf(path))?.startsWith(MARK) === true
  if ((await textOf(path)) !== undefined && !(await isOurs()))
    throw new UsageError(`--write-env ${file}: there is such a file already, and it is yours. Name another one.`)
  return {
    // The URLs have a password.
    write: (lines) => writeFile(path, `${MARK}${lines}\n`, { mode: 0o600 }),
    async remove() {
      if (await isOurs()) await rm(path, { force: true })
    },
  }
}

function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new UsageError(`--write-env cannot be used: ${error.message}`)
  })
}
