import { parseArgs } from 'node:util'
import type { Rtt, WorldOptions } from '../world-types.ts'
import { nearestWord } from './nearest-word.ts'
import { parseDuration } from './duration.ts'
import { isVersion, VERSIONS, type PostgresVersion } from '../postgres-version.ts'
import { UsageError } from './usage-error.ts'

/** What the command line asks for. */
export type Arguments =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'start'
      readonly world: WorldOptions
      /** Print the variables of an app in this region only. */
      readonly region: string | undefined
      /** Write these variables to this file. */
      readonly envFile: string | undefined
      /** Print one JSON object instead of tables. */
      readonly json: boolean
      /** Serve the page that shows the world. */
      readonly page: boolean
      /** The address that it listens on; `undefined`: for this machine alone. */
      readonly host: string | undefined
      /** A command to run in each region. */
      readonly app: AppArguments | undefined
    }

export interface AppArguments {
  readonly command: string
  readonly port: number
  readonly watch: boolean
}

/** Where an app runs that is started without a word of regions: those of the article that this began with. */
const USUAL = { primary: 'nrt', replicas: ['ord', 'syd'] }
/** What the page shows without a word of regions. */
const SHOWN = { primary: 'nrt', replicas: ['ord', 'syd', 'atl', 'ams'] }

const flags = {
  primary: { type: 'string' },
  replicas: { type: 'string', multiple: true },
  region: { type: 'string' },
  rtt: { type: 'string', multiple: true },
  ports: { type: 'string' },
  // Not --env-file, which Node 20 takes for its own wherever it stands.
  'write-env': { type: 'string' },
  postgres: { type: 'string' },
  binaries: { type: 'string' },
  database: { type: 'string' },
  json: { type: 'boolean' },
  page: { type: 'boolean' },
  host: { type: 'string' },
  app: { type: 'string' },
  port: { type: 'string' },
  watch: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

/** @throws UsageError with a sentence that says what to write instead */
export function parseArguments(argv: readonly string[]): Arguments {
  const { values, positionals } = read(argv)
  if (values.help === true) return { kind: 'help' }
  if (values.version === true) return { kind: 'version' }

  const [stray] = positionals
  if (stray !== undefined)
    throw new UsageError(`${JSON.stringify(stray)} stands alone. Put regions behind --primary and --replicas.`)
  const app = parseApp(values)
  const unsaid = values.primary === undefined && values.replicas === undefined
  const usual = !unsaid ? undefined : app !== undefined ? USUAL : values.page === true ? SHOWN : undefined
  const { primary } = usual ?? values
  if (primary === undefined)
    throw new UsageError('--primary is missing. Name its region: --primary nrt --replicas ord,syd')

  const replicas = usual?.replicas ?? (values.replicas ?? []).flatMap(words)
  const regions = [primary, ...replicas]
  if (values.region !== undefined && !regions.includes(values.region))
    throw new UsageError(`--region must be one of this world's regions: ${regions.join(', ')}.`)
  return {
    kind: 'start',
    region: values.region,
    envFile: parseEnvFile(values),
    json: values.json === true,
    page: values.page === true,
    host: parseHost(values),
    app,
    world: {
      primary,
      replicas,
      ...(values.rtt === undefined ? {} : { rtt: parseRtt(values.rtt.flatMap(words), regions) }),
      ...(values.ports === undefined ? {} : { ports: parsePorts(values.ports) }),
      ...(values.postgres === undefined ? {} : { version: parseMajor(values.postgres) }),
      ...(values.binaries === undefined ? {} : { binaries: values.binaries }),
      ...(values.database === undefined ? {} : { database: values.database }),
    },
  }
}

function parsePorts(word: string): number {
  const first = Number(word)
  if (Number.isInteger(first) && first >= 1_024 && first <= 65_000) return first
  throw new UsageError(`--ports must be the first of some ports, from 1024 to 65000: ${JSON.stringify(word)} is none.`)
}

function parseEnvFile({ region, 'write-env': file, app }: Read['values']): string | undefined {
  if (file === undefined) return undefined
  if (app !== undefined)
    throw new UsageError('--write-env does not go with --app, which hands each copy its variables.')
  if (region === undefined)
    throw new UsageError('--write-env needs to know whose variables: name the app’s region with --region.')
  return file
}

function parseHost({ host, page }: Read['values']): string | undefined {
  if (host !== undefined && page !== true)
    throw new UsageError('--host is where the page listens, and goes with --page.')
  if (host?.trim() === '') throw new UsageError('--host is empty. Name an address of this machine, such as 0.0.0.0.')
  return host
}

function parseApp({ app, port, watch }: Read['values']): AppArguments | undefined {
  if (app === undefined) {
    if (port === undefined && watch === undefined) return undefined
    throw new UsageError(`--${port === undefined ? 'watch' : 'port'} goes with --app, as in --app 'npm start'`)
  }
  if (app.trim() === '')
    throw new UsageError("--app is empty. Name the command that starts your app: --app 'npm start'")
  if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) > 65_535))
    throw new UsageError(`--port must be a port's number, and ${JSON.stringify(port)} is none.`)
  return { command: app, port: Number(port ?? 0), watch: watch === true }
}

type Read = ReturnType<typeof parseArgs<{ options: typeof flags; allowPositionals: true }>>

function read(argv: readonly string[]): Read {
  try {
    return parseArgs({ args: [...argv], options: flags, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? explain(error.message) : String(error), { cause: error })
  }
}

/** node:util's message is several sentences about positionals: its first line is kept, with a suggestion. */
function explain(message: string): string {
  const unknown = /^Unknown option '--?([^']*)'/.exec(message)?.[1]
  const bare = /^Option '(?:-\w, )?(--\S+) <value>' argument missing/.exec(message)?.[1]
  if (bare !== undefined) return `${bare} needs a value behind it. See --help.`
  if (unknown === undefined) return message.split('\n', 1)[0] ?? message
  const meant = nearestWord(unknown, Object.keys(flags))
  return `There is no option --${unknown}. ${meant === undefined ? 'See --help.' : `Did you mean --${meant}?`}`
}

const words = (list: string): string[] => list.split(/[\s,]+/).filter((word) => word !== '')

function parseMajor(word: string): PostgresVersion {
  const version = Number(word)
  if (isVersion(version)) return version
  throw new UsageError(`--postgres must be one of ${VERSIONS.join(', ')}, and ${JSON.stringify(word)} is none.`)
}

function parseRtt(entries: readonly string[], regions: readonly string[]): Rtt {
  const [first, ...more] = entries
  if (first === undefined) throw new UsageError('--rtt is empty. Write --rtt 100, or --rtt nrt-ord=128,nrt-syd=137')
  if (!first.includes('=') && more.length === 0) return parseDuration(first)
  const pairs = new Map<string, number>()
  for (const entry of entries) {
    const [, pair, time] = /^([^=]+-[^=]+)=([^=]+)$/.exec(entry) ?? []
    if (pair === undefined || time === undefined)
      throw new UsageError(`--rtt ${entry}: write one time for all pairs, or pairs such as nrt-ord=128,nrt-syd=137`)
    const stranger = pair.split('-').find((region) => !regions.includes(region))
    if (stranger !== undefined) throw new UsageError(`--rtt ${entry}: ${notHere(stranger, regions)}`)
    if (pairs.has(pair)) throw new UsageError(`--rtt gives the pair ${pair} twice.`)
    pairs.set(pair, parseDuration(time))
  }
  return Object.fromEntries(pairs)
}

function notHere(region: string, regions: readonly string[]): string {
  const meant = nearestWord(region, regions)
  return `there is no region ${JSON.stringify(region)} in this world. ${meant === undefined ? `It has ${regions.join(', ')}.` : `Did you mean ${meant}?`}`
}
