import { randomUUID } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isAlive } from '../cluster/is-alive.ts'
import { UsageError } from './usage-error.ts'

const MARK = '# Written by pg-nearest-world, which removes it when the world stops'
/** The second line: whose it is. Two worlds of one process are two. */
const OWNER = /^# Of the process (\d+), world [\w-]+$/m

/** A file of variables that is there as long as the world runs. Nobody else's file is overwritten, or removed. */
export interface EnvFile {
  /** @throws UsageError if another file is there by now. */
  write(lines: string): Promise<void>
  remove(): Promise<void>
}

/** @throws UsageError if another file is there, or that of another world that runs. */
export async function claimEnvFile(file: string): Promise<EnvFile> {
  const path = resolve(file)
  const head = `${MARK}.\n# Of the process ${process.pid}, world ${randomUUID()}\n`
  const isOurs = async (): Promise<boolean> => (await textOf(path))?.startsWith(head) === true
  refuse(file, await textOf(path))
  return {
    async write(lines) {
      const there = await textOf(path)
      refuse(file, there)
      if (there !== undefined) await rm(path, { force: true })
      // The URLs have a password.
      await writeFile(path, `${head}${lines}\n`, { mode: 0o600, flag: 'wx' }).catch((error: Error) => {
        throw new UsageError(`--write-env cannot be used: ${error.message}`)
      })
    },
    async remove() {
      if (await isOurs()) await rm(path, { force: true })
    },
  }
}

function refuse(file: string, text: string | undefined): void {
  if (text === undefined) return
  if (!text.startsWith(MARK))
    throw new UsageError(`--write-env ${file}: there is such a file already, and it is yours. Name another one.`)
  const owner = Number(OWNER.exec(text)?.[1])
  if (owner > 0 && isAlive(owner))
    throw new UsageError(
      `--write-env ${file}: it is that of a world that runs (process ${owner}). Name another one, or stop that world.`,
    )
}

function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new UsageError(`--write-env cannot be used: ${error.message}`)
  })
}
