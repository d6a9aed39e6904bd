import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DEFAULT_VERSION, OLDEST_VERSION, type PostgresVersion } from '../postgres-version.ts'
import { WorldError } from '../world-error.ts'
import type { OsUser } from './os-user.ts'
import { exists } from './cache-folder.ts'
import { copyForEveryone, findNpmPackage, installCommand, usualModules, type NpmPackage } from './npm-binaries.ts'
import { cleanEnvironment } from './run-program.ts'
import { systemFolders } from './system-folders.ts'

/** PostgreSQL's programs. */
export interface Binaries {
  readonly postgres: string
  readonly initdb: string
  /** Such as `18.4`. */
  readonly version: string
}

/** Which programs are wanted: those in a folder, or those of a major, wherever they are. */
export type WantedBinaries =
  | { readonly folder: string; readonly version: PostgresVersion | undefined }
  | { readonly folder: undefined; readonly version: PostgresVersion }

/** Where a major is looked for. */
interface Places {
  /** Modules that npm may have installed packages for. */
  readonly packages: () => readonly string[]
  /** The operating system's. */
  readonly folders: (version: PostgresVersion) => readonly string[]
}

const USUAL_PLACES: Places = { packages: usualModules, folders: systemFolders }

/** Finds programs that this user can run: in the folder that was named; else from npm, or the operating system's. */
export async function findBinaries(
  { folder, version }: WantedBinaries,
  osUser: OsUser | undefined,
  { packages, folders }: Places = USUAL_PLACES,
): Promise<Binaries> {
  if (folder !== undefined) return givenBinaries(folder, version, osUser)
  const installed = await findNpmPackage(version, packages())
  for (const place of placesOf(installed, folders(version))) {
    // oxlint-disable-next-line no-await-in-loop -- the next one is tried only if this one does not run
    const found = await tryBinaries(await place(), osUser)
    if (found !== undefined) return found
  }
  throw new WorldError(
    'WORLD_NO_POSTGRES',
    installed === undefined
      ? `PostgreSQL ${version} is not installed: ${remedy(version)}, or ${FOLDER}`
      : `PostgreSQL ${version} from npm does not run here: ${await complaint(await copyIn(installed), osUser)}; ${FOLDER}`,
  )
}

const FOLDER = 'name a folder of PostgreSQL binaries in "binaries".'

function placesOf(
  installed: NpmPackage | undefined,
  folders: readonly string[],
): readonly (() => string | Promise<string>)[] {
  const system = folders.map((bin) => () => bin)
  if (installed === undefined) return system
  // Its libraries may lack their links, and the user that servers run as may not be able to enter its folder.
  return [() => join(installed.native, 'bin'), () => copyIn(installed), ...system]
}

async function copyIn(installed: NpmPackage): Promise<string> {
  return join(await copyForEveryone(installed), 'bin')
}

function remedy(version: PostgresVersion): string {
  return version === DEFAULT_VERSION ? 'install without --omit=optional' : `run "${installCommand(version)}"`
}

async function givenBinaries(
  folder: string,
  version: PostgresVersion | undefined,
  osUser: OsUser | undefined,
): Promise<Binaries> {
  const inside = join(folder, 'bin')
  const bin = (await exists(join(inside, 'postgres'))) ? inside : folder
  const found = await tryBinaries(bin, osUser)
  if (found === undefined) {
    throw new WorldError(
      'WORLD_NO_POSTGRES',
      `"binaries" names ${folder}, where postgres and initdb do not run: ${await complaint(bin, osUser)}.`,
    )
  }
  const major = Number.parseInt(found.version, 10)
  if (version === undefined ? major >= OLDEST_VERSION : major === version) return found
  throw new WorldError(
    'WORLD_BAD_OPTION',
    `"binaries" names ${folder}, which has PostgreSQL ${found.version}: a folder with ${version ?? `${OLDEST_VERSION} or later`} is wanted.`,
  )
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
