import { isPlainObject, describeValue } from '../error-messages/describe-value.ts'
import { mayBeShown } from '../error-messages/redact-name.ts'
import type { ListedServer } from '../discovery/listed-server.ts'
import { regionFinder, type FindRegion } from '../discovery/process-region.ts'
import type { Environment } from '../discovery/parse-server-url.ts'
import { OptionError } from '../errors.ts'
import { checkConsistency } from './check-consistency.ts'
import { checkOptionNames } from './option-names.ts'
import { parseServerList } from '../server-list/parse-server-list.ts'
import type { Consistency } from '../session/consistency.ts'
import { flag, milliseconds, mismatch, pgOptionChecks, wholeNumber } from '../server-list/pg-option-checks.ts'
import type { Check } from '../server-list/pg-option-checks.ts'
import type { ModeSetting } from '../modes/mode-rollout.ts'
import { initialModes } from '../modes/parse-mode.ts'
import { isBookmarkStore } from '../bookmark-store/bookmark-store.ts'
import type { ResilientStoreOptions } from '../bookmark-store/resilient-store.ts'
import { HEDGES, hedgeOptions, isHedge, type HedgeOptions } from '../limits/hedge-options.ts'
import type { NearestPoolOptions } from './pool-options.ts'
import { queryTimeoutOfPool } from './query-timeout.ts'
import { isSystemIdentifier } from './system-identifier.ts'
import type { PgOptions, ServerSource } from '../server-list/server-list-types.ts'

/** Options that have been checked, with their defaults filled in. */
export interface ParsedOptions {
  readonly findRegion: FindRegion
  /** The primary first. */
  readonly servers: readonly ListedServer[]
  /** pg's options for each server's connections. None is `undefined`, and none names a server. */
  readonly pgOptions: PgOptions
  readonly consistency: Consistency
  readonly assumeReplicatedAfterMs: number | undefined
  readonly waitForLsn: boolean
  readonly pipeline: boolean
  readonly lanes: boolean
  /** `Infinity`: never. */
  readonly prepareFrom: number
  readonly probeIntervalMs: number
  readonly probeTimeoutMs: number
  readonly silenceTimeoutMs: number
  readonly connectTimeoutMs: number
  /** The same for the connections that statements run on. */
  readonly dialTimeoutMs: number
  readonly failoverTimeoutMs: number
  readonly maxWaiting: number
  /** `Infinity`: never. */
  readonly quietAfterMs: number
  readonly stalledAfterMs: number | undefined
  readonly timeoutMs: number | undefined
  readonly hedge: HedgeOptions | undefined
  /** The option `servers`. */
  readonly source: (() => ReturnType<ServerSource>) | undefined
  readonly serversIntervalMs: number
  /** The option `cluster`. */
  readonly cluster: string | undefined
  readonly learnedStatements: number
  /** The options `mode` and `modes`, and the variable. */
  readonly modes: ModeSetting
  readonly bookmarkStore: Pick<ResilientStoreOptions, 'store' | 'timeoutMs'> | undefined
}

/** Enough for a database that has to wake up, and for TLS and a password over the longest ways: that takes six round trips. */
const CONNECT_MS = 5_000

const checks: Readonly<Record<string, Check>> = {
  ...pgOptionChecks,
  consistency: checkConsistency,
  assumeReplicatedAfterMs: milliseconds(0),
  waitForLsn: flag,
  pipeline: flag,
  lanes: flag,
  prepare: (value) => (value === false ? undefined : wholeNumber(1)(value) && 'false, or a whole number of at least 1'),
  probeIntervalMs: milliseconds(50),
  probeTimeoutMs: milliseconds(1),
  silenceTimeoutMs: milliseconds(1),
  connectTimeoutMs: milliseconds(1),
  failoverTimeoutMs: milliseconds(0),
  maxWaiting: wholeNumber(1),
  quietAfterMs: milliseconds(0),
  stalledAfterMs: milliseconds(1),
  timeoutMs: milliseconds(1),
  servers: (value) => (typeof value === 'function' ? undefined : 'a function that returns { primary, replicas }'),
  serversIntervalMs: milliseconds(100),
  cluster: (value) =>
    isSystemIdentifier(value) ? undefined : 'the number that pg_control_system() calls system_identifier, as a text',
  hedge: (value) => (isHedge(value) ? undefined : HEDGES),
  learnedStatements: wholeNumber(0),
  bookmarkStore: (value) =>
    isBookmarkStore(value) ? undefined : 'what redisStore() or bookmarkTable() returns, or another { get, put }',
  bookmarkStoreTimeoutMs: milliseconds(1),
}

/**
 * Checks the options of `createPool` without connecting to anything.
 *
 * @throws OptionError for the first option that cannot be used
 */
export function parsePoolOptions(options: NearestPoolOptions, env?: Environment): ParsedOptions {
  if (!isPlainObject(options)) {
    throw new OptionError(
      'options',
      `The options must be an object such as { primary: url }, but they are ${describeValue(options)}.`,
    )
  }
  checkOptionNames(options)
  for (const [name, check] of Object.entries(checks)) {
    const value = options[name]
    const must = value === undefined ? undefined : check(value)
    if (must !== undefined) throw mismatch(name, must, shown(name, value))
  }
  const {
    region,
    primary,
    replicas,
    consistency,
    assumeReplicatedAfterMs,
    waitForLsn,
    pipeline,
    lanes,
    prepare,
    probeIntervalMs,
    probeTimeoutMs,
    silenceTimeoutMs,
    connectTimeoutMs,
    failoverTimeoutMs,
    maxWaiting,
    quietAfterMs,
    stalledAfterMs,
    timeoutMs,
    servers,
    serversIntervalMs,
    cluster,
    hedge,
    learnedStatements,
    mode,
    modes,
    bookmarkStore,
    bookmarkStoreTimeoutMs,
    ...given
  }: NearestPoolOptions = options
  const pgOptions = withoutUndefined(given)
  const { max = 10, min = 0 } = pgOptions
  if (min > max)
    throw new OptionError('min', `min is ${min}, which is more than max (${max}). Lower min, or raise max.`)
  const listed = parseServerList(primary, replicas, { pgOptions, env })
  return {
    findRegion: regionFinder(region, env ?? process.env),
    servers: listed,
    pgOptions: { ...pgOptions, ...queryTimeoutOfPool(listed, pgOptions) },
    consistency: consistency ?? 'session',
    assumeReplicatedAfterMs,
    waitForLsn: waitForLsn ?? true,
    pipeline: pipeline ?? true,
    lanes: lanes ?? true,
    prepareFrom: prepare === false ? Number.POSITIVE_INFINITY : (prepare ?? 2),
    probeIntervalMs: probeIntervalMs ?? 500,
    probeTimeoutMs: probeTimeoutMs ?? 1_200,
    silenceTimeoutMs: Math.max(silenceTimeoutMs ?? 5_000, probeTimeoutMs ?? 1_200),
    connectTimeoutMs: connectTimeoutMs ?? CONNECT_MS,
    dialTimeoutMs: connectTimeoutMs ?? (pgOptions.connectionTimeoutMillis || CONNECT_MS),
    failoverTimeoutMs: failoverTimeoutMs ?? 5_000,
    maxWaiting: maxWaiting ?? 10_000,
    quietAfterMs: quietAfterMs === 0 ? Number.POSITIVE_INFINITY : (quietAfterMs ?? 60_000),
    stalledAfterMs,
    timeoutMs,
    source: servers === undefined ? undefined : () => servers({ primary, replicas }),
    serversIntervalMs: serversIntervalMs ?? 30_000,
    cluster,
    hedge: hedge === undefined || hedge === false ? undefined : hedgeOptions(hedge),
    learnedStatements: learnedStatements ?? 10_000,
    bookmarkStore:
      bookmarkStore === undefined ? undefined : { store: bookmarkStore, timeoutMs: bookmarkStoreTimeoutMs ?? 100 },
    modes: initialModes(mode, modes, env ?? process.env),
  }
}

/** Texts are not repeated, because they may be misplaced secrets: but for a word where one or a number belongs. */
const WORDS: ReadonlySet<string> = new Set(['consistency', 'cluster'])

function shown(name: string, value: unknown): string {
  if (WORDS.has(name) && typeof value === 'string' && value !== '' && mayBeShown(value)) return JSON.stringify(value)
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : describeValue(value)
}

function withoutUndefined<Options extends object>(options: Options): Options {
  const copy = { ...options }
  for (const [name, value] of Object.entries(copy)) if (value === undefined) Reflect.deleteProperty(copy, name)
  return copy
}
