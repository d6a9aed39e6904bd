import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import type { ListSource } from '../fly/list-source.ts'
import { configuredRegions } from '../fly/configured-regions.ts'
import { flyServers } from '../fly/fly.ts'
import { redactName } from '../error-messages/redact-name.ts'
import { isSystemIdentifier } from '../options/system-identifier.ts'
import type { NearestPoolOptions } from '../options/pool-options.ts'
import { UsageError } from './usage-error.ts'

/** Flags that say where the servers are, as `parseArgs` takes them. */
export const serverFlags = {
  primary: { type: 'string', multiple: true },
  replica: { type: 'string', multiple: true },
  region: { type: 'string' },
  discover: { type: 'boolean' },
  cluster: { type: 'string' },
  'env-file': { type: 'string' },
} as const

export interface ServerFlags {
  readonly primary?: readonly string[] | undefined
  readonly replica?: readonly string[] | undefined
  readonly region?: string | undefined
  readonly discover?: boolean | undefined
  readonly cluster?: string | undefined
  readonly 'env-file'?: string | undefined
}

/**
 * The servers from the flags, otherwise from the environment.
 *
 * @param env - takes the variables of `--env-file`, because the pool and pg read this process's own.
 */
export async function serverOptions(flags: ServerFlags, env: NodeJS.ProcessEnv): Promise<NearestPoolOptions> {
  const { cluster } = flags
  if (cluster !== undefined && !isSystemIdentifier(cluster)) {
    throw new UsageError(
      `--cluster must be the number that "select system_identifier from pg_control_system()" tells, but it is ${redactName(cluster)}.`,
    )
  }
  const servers = await serversOf(flags, env)
  return { ...servers, ...(cluster === undefined ? {} : { cluster }) }
}

/** @param env - with the variables of `--env-file`, as {@link serverOptions} leaves it */
export function listSourceOf({ primary }: ServerFlags, env: NodeJS.ProcessEnv): ListSource {
  if (primary !== undefined) return { from: 'options' }
  const variables = Object.keys(env).filter((name) => env[name]?.trim())
  return { from: 'environment', replicaRegions: configuredRegions(undefined, env), variables: new Set(variables) }
}

async function serversOf(flags: ServerFlags, env: NodeJS.ProcessEnv): Promise<NearestPoolOptions> {
  const file = flags['env-file']
  const variables = file === undefined ? env : Object.assign(env, await readVariables(file))
  const where = flags.region === undefined ? {} : { MY_REGION: flags.region, FLY_REGION: flags.region }
  if (flags.primary === undefined) {
    if (flags.replica !== undefined) throw new UsageError('--replica needs a --primary.')
    if (!variables['DATABASE_URL']) {
      throw new UsageError('There is no server to ask: give --primary region=URL, or set DATABASE_URL.')
    }
    return flyServers({ ...variables, ...where }, flags.discover)
  }
  const [primary = '', ...others] = flags.primary
  if (others.length > 0) {
    throw new UsageError(
      'There are several --primary: exactly one server takes the writes. Name the others by --replica.',
    )
  }
  const [primaryRegion, url] = splitServer(primary, '--primary')
  if (flags.discover === true) {
    if (flags.replica !== undefined) throw new UsageError('--discover finds the replicas: leave --replica out.')
    return flyServers({ ...variables, ...where, DATABASE_URL: url, PRIMARY_REGION: primaryRegion }, true)
  }
  return { region: flags.region, primary: { region: primaryRegion, url }, replicas: replicasOf(flags.replica ?? []) }
}

function replicasOf(texts: readonly string[]): Record<string, string | string[]> {
  const replicas = new Map<string, string | string[]>()
  for (const text of texts) {
    const [region, url] = splitServer(text, '--replica')
    if (region === undefined) throw new UsageError('--replica takes a region and a URL: --replica ord=postgres://…')
    const before = replicas.get(region)
    // One alone is `replicas.ord` in messages, and not `replicas.ord[0]`.
    replicas.set(region, before === undefined ? url : [before, url].flat())
  }
  return Object.fromEntries(replicas)
}

/** A URL may contain `=`, and a region's name contains no `:`. */
function splitServer(text: string, flag: string): [region: string | undefined, url: string] {
  const at = text.indexOf('=')
  const colon = text.indexOf(':')
  const [region, url] =
    at < 0 || (colon >= 0 && colon < at) ? [undefined, text] : [text.slice(0, at), text.slice(at + 1)]
  if (/^postgres(?:ql)?:\/\//i.test(url)) return [region, url]
  throw new UsageError(
    `${flag} takes a region and a URL that begins with postgres://, such as nrt=postgres://db.example.com/app.`,
  )
}

async function readVariables(file: string): Promise<NodeJS.Dict<string>> {
  try {
    return parseEnv(await readFile(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`--env-file ${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
}
