import { WorldError } from './world-error.ts'

/** The majors of PostgreSQL that a world runs on: those that the PostgreSQL project supports and npm has programs of. */
export type PostgresVersion = 15 | 16 | 17 | 18

/** The package of npm that was tried, by major. Its versions are all marked as betas, so that a range finds none of them. */
export const NPM_VERSIONS: Readonly<Record<PostgresVersion, string>> = {
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
}

/** This package brings it. */
export const DEFAULT_VERSION = 18
/** Older servers have another way to copy a running one. */
export const OLDEST_VERSION = 15

export const VERSIONS: readonly string[] = Object.keys(NPM_VERSIONS)
/** For all worlds that name no version, so that a whole test suite runs on another one. */
const VARIABLE = 'PG_NEAREST_WORLD_VERSION'

/** @throws WorldError unless a world runs on this version. */
export function parseVersion(version: unknown): PostgresVersion {
  return isVersion(version) ? version : bad('"version"', version)
}

/** The version that the environment names, or the one that comes with this package. */
export function usualVersion(environment: NodeJS.ProcessEnv): PostgresVersion {
  const named = environment[VARIABLE]
  if (named === undefined || named === '') return DEFAULT_VERSION
  const version = Number(named)
  return isVersion(version) ? version : bad(VARIABLE, named)
}

export function isVersion(version: unknown): version is PostgresVersion {
  return typeof version === 'number' && VERSIONS.includes(String(version))
}

function bad(what: string, version: unknown): never {
  throw new WorldError(
    'WORLD_BAD_OPTION',
    `${what} must be a major of PostgreSQL that a world runs on, one of ${VERSIONS.join(', ')}; ${JSON.stringify(version)} is none.`,
  )
}
