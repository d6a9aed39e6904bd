import type { WantedBinaries } from './cluster/binaries.ts'
import { regionRtt } from './geo/region-rtt.ts'
import { parseVersion, usualVersion, type PostgresVersion } from './postgres-version.ts'
import { WorldError } from './world-error.ts'
import type { Rtt, WorldOptions } from './world-types.ts'

const OPTIONS: ReadonlySet<string> = new Set<keyof WorldOptions>([
  'primary',
  'replicas',
  'rtt',
  'version',
  'binaries',
  'ports',
  'settings',
  'database',
  'fresh',
  'onProgress',
])
const REGION = /^[a-z][a-z0-9-]{0,15}$/
const NAME = /^[a-z_][a-z0-9_]{0,62}$/
const SETTING = /^[a-z][a-z0-9_.]*$/i

/** Options that have been checked. */
export interface ParsedWorldOptions {
  /** The primary's first. */
  readonly regions: readonly string[]
  /** The round-trip time between two regions in milliseconds, as configured. */
  readonly rtt: (a: string, b: string) => number
  readonly binaries: WantedBinaries
  /** `undefined`: any that are free. */
  readonly ports: number | undefined
  readonly settings: Readonly<Record<string, string>>
  readonly database: string
  readonly fresh: boolean
  readonly onProgress: NonNullable<WorldOptions['onProgress']>
}

/** @throws WorldError for the first option that is invalid. */
export function parseWorldOptions(options: WorldOptions): ParsedWorldOptions {
  if (typeof options !== 'object' || options === null)
    bad('The options must be an object: startWorld({ primary: "nrt" }).')
  for (const name of Object.keys(options)) {
    if (!OPTIONS.has(name)) bad(`There is no option "${name}": there are ${[...OPTIONS].join(', ')}.`)
  }
  const {
    primary,
    replicas = [],
    rtt,
    version,
    binaries,
    ports,
    settings = {},
    database = 'app',
    fresh = false,
    onProgress = () => undefined,
  } = options
  if (!Array.isArray(replicas)) bad('"replicas" must be an array of regions, such as ["ord", "syd"].')
  const regions = [primary, ...replicas].map((region, i) => parseRegion(region, i === 0 ? 'primary' : 'replicas'))
  const twice = regions.find((region, i) => regions.indexOf(region) !== i)
  if (twice !== undefined) bad(`The region ${twice} is named twice: one server stands in each.`)
  if (!NAME.test(database)) bad(`"database" must be a plain lower-case name such as "app".`)
  for (const [name, value] of Object.entries(settings)) {
    if (!SETTING.test(name) || typeof value !== 'string' || /[\n\0]/.test(value)) {
      bad(
        `"settings" must hold PostgreSQL's settings as texts, such as { work_mem: "8MB" }; ${JSON.stringify(name)} is none.`,
      )
    }
  }
  if (ports !== undefined && !(Number.isInteger(ports) && ports >= 1_024 && ports <= 65_000))
    bad('"ports" must be the first of some ports, from 1024 to 65000, such as 5500.')
  const distance = rttOf(rtt)
  for (const a of regions) for (const b of regions) distance(a, b)
  if (typeof fresh !== 'boolean') bad('"fresh" must be true or false.')
  return { regions, rtt: distance, binaries: wantedOf(binaries, version), ports, settings, database, fresh, onProgress }
}

function wantedOf(folder: string | undefined, named: PostgresVersion | undefined): WantedBinaries {
  const version = named === undefined ? undefined : parseVersion(named)
  if (folder === undefined) return { folder, version: version ?? usualVersion(process.env) }
  return { folder, version }
}

export function parseRegion(region: unknown, option: string): string {
  if (typeof region === 'string' && REGION.test(region)) return region
  return bad(
    `"${option}" must name regions by short lower-case codes such as "nrt"; ${JSON.stringify(region)} is none.`,
  )
}

/** @throws WorldError unless this is a number of at least `least`. */
export function parseAmount(amount: unknown, what: string, least: number): number {
  if (typeof amount === 'number' && amount >= least) return amount
  return bad(`${what} must be a number of at least ${least}, and it is ${String(amount)}.`)
}

function rttOf(rtt: Rtt | undefined): (a: string, b: string) => number {
  if (typeof rtt === 'number') {
    const all = parseMs(rtt, 'rtt')
    return (a, b) => (a === b ? 0 : all)
  }
  if (rtt !== undefined && (typeof rtt !== 'object' || rtt === null)) {
    bad('"rtt" must be a number of milliseconds, or pairs such as { "nrt-ord": 128 }.')
  }
  const pairs = new Map(Object.entries(rtt ?? {}).map(([pair, ms]) => [parsePair(pair), parseMs(ms, `rtt["${pair}"]`)]))
  return (a, b) => (a === b ? 0 : (pairs.get(pairName(a, b)) ?? regionRtt(a, b)))
}

function parseMs(ms: unknown, what: string): number {
  const parsed = parseAmount(ms, `"${what}"`, 0)
  return Number.isFinite(parsed) ? parsed : bad(`"${what}" must be finite: for no connection at all use partition().`)
}

function parsePair(pair: string): string {
  const [a, b, ...more] = pair.split('-')
  if (a === undefined || b === undefined || a === '' || b === '' || more.length > 0) {
    bad(`"rtt" names pairs of regions such as "nrt-ord"; ${JSON.stringify(pair)} is none.`)
  }
  return pairName(a ?? '', b ?? '')
}

function pairName(a: string, b: string): string {
  return [a, b].toSorted().join('-')
}

function bad(message: string): never {
  throw new WorldError('WORLD_BAD_OPTION', message)
}
