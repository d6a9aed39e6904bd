import { createPool, type Consistency, type NearestPool, type QueryEvent } from 'pg-nearest'
import type { Choice, StatementFacts } from 'pg-nearest-page'
import type { Diary } from '../chaos/diary.ts'
import { startLoad, type App, type Turns } from '../chaos/load.ts'
import type { World } from '../world-types.ts'
import { hasStopped } from './has-stopped.ts'
import { startPlainReader, type PlainReader } from './plain-reader.ts'
import { repeat } from './repeat.ts'

/** An app that reads and writes in one region, through pg-nearest, and reads beside that through a plain pool. */
export interface PageApp extends App {
  readonly plain: PlainReader
  /** Begins nothing more; resolves when what was begun has ended, and its connections have. */
  stop(): Promise<void>
}

/** A second, of each app; few, because it is one machine that plays them all. */
const RATES = { read: 3, write: 0.7, transaction: 0.3, 'read-only transaction': 0.3 } as const
const WALKERS = 1
/** At full pace; five apps ask as many servers each, on one machine. */
const REFRESH_MS = 1_000
/** What a pool does by itself comes beside that, so it is rare. */
const PROBE_MS = 8_000
/** A laptop that plays five regions and a browser may take its time to promote a server. */
const FAILOVER_MS = 15_000

export interface PageAppOptions {
  readonly world: World
  readonly region: string
  /** Where the plain pool leads. */
  readonly plainTo: string
  readonly diary: Diary
  /** Where people with a session may go: this app joins them. */
  readonly roaming: App[]
  readonly consistency: () => Consistency | undefined
  readonly seed: number
  /** Before the names of its people. */
  readonly prefix: string
  readonly turns: Turns
}

export function startPageApp(options: PageAppOptions): PageApp {
  const { world, region, plainTo, diary, roaming, consistency, seed, prefix, turns } = options
  const pool = createPool({
    ...world.poolOptions(region),
    application_name: `page ${region}`,
    max: 6,
    probeIntervalMs: PROBE_MS,
    failoverTimeoutMs: FAILOVER_MS,
  })
  diary.listen(pool)
  // A connection that is lost while nothing runs is the first sign of a dead server, and its pool's own probes are rare.
  pool.on('error', () => void pool.refresh().catch(ignore))
  const app: App = { region, pool }
  roaming.push(app)
  const plain = startPlainReader(world.url(plainTo, { from: region }), turns())
  const stopAsking = repeat(REFRESH_MS, () => void pool.refresh().catch(ignore), turns())
  const load = startLoad([app], seed, diary, {
    rates: RATES,
    walkers: WALKERS,
    prefix,
    wander: roaming,
    consistency,
    turns,
  })
  return {
    ...app,
    plain,
    async stop() {
      const ended = Promise.all([load.stop(), plain.stop(), stopAsking()])
      // What waits for a server waits in vain.
      if (hasStopped(world)) await pool.destroy()
      await ended
      await pool.destroy()
    },
  }
}

export interface Circumstances {
  readonly id: number
  readonly sessions: boolean
  readonly rtt: (a: string, b: string) => number
}

/** A statement as the page tells it: never with its values. */
export function statementFacts(
  { region, pool }: App,
  { text, servedBy, durationMs, error }: QueryEvent,
  { id, sessions, rtt }: Circumstances,
): StatementFacts {
  return {
    id,
    at: Date.now(),
    region,
    text: text.replaceAll(/\s+/g, ' ').trim().slice(0, 200),
    ms: durationMs,
    server: servedBy?.server,
    reason: servedBy?.reason,
    failed: (servedBy?.failed ?? []).map(({ server, error: why }) => ({ server, why: errorWords(why) })),
    sessions,
    rttMs: servedBy?.region === undefined ? undefined : rtt(region, servedBy.region),
    error: error === undefined ? undefined : errorWords(error),
    choices: choicesOf(pool),
  }
}

function choicesOf(pool: NearestPool): readonly Choice[] {
  return pool
    .status()
    .servers.map(({ name, role, health, rttMs, lsn, readFrom, writeTo }) => ({
      server: name,
      role,
      health,
      rttMs,
      lsn,
      readFrom,
      writeTo,
    }))
    .toSorted((a, b) => (a.rttMs ?? Infinity) - (b.rttMs ?? Infinity))
}

/** What is behind it says more than that nothing could be had. */
function errorWords(error: unknown): string {
  if (!(error instanceof Error)) return 'It failed.'
  const { cause } = error
  return (cause instanceof Error && cause.message !== '' ? cause : error).message.slice(0, 300)
}

function ignore(): void {}
