import { createPool, type Consistency, type NearestPool, type QueryEvent } from 'pg-nearest'
import type { Choice, StatementFacts } from 'pg-nearest-page'
import type { Diary } from '../chaos/diary.ts'
import { startLoad, type App, type Load } from '../chaos/load.ts'
import type { World } from '../world-types.ts'
import { startPlainReader, type PlainReader } from './plain-reader.ts'

/** An app that reads and writes in one region, through pg-nearest, and reads beside that through a plain pool. */
export interface PageApp extends App {
  readonly plain: PlainReader
  /** Calls back for each statement, until the returned function is called. */
  watch(onQuery: (event: QueryEvent) => void): () => void
  stop(): Promise<void>
}

/** A second, of each app; few, because it is one machine that plays them all. */
const RATES = { read: 3, write: 0.7, transaction: 0.3, 'read-only transaction': 0.3 } as const
const WALKERS = 1
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
}

export function startPageApp(options: PageAppOptions): PageApp {
  const { world, region, plainTo, diary, roaming, consistency, seed } = options
  const pool = createPool({
    ...world.poolOptions(region),
    application_name: `page ${region}`,
    max: 6,
    failoverTimeoutMs: FAILOVER_MS,
  })
  diary.listen(pool)
  const app: App = { region, pool }
  roaming.push(app)
  const load: Load = startLoad([app], seed, diary, {
    rates: RATES,
    walkers: WALKERS,
    prefix: `${region} `,
    wander: roaming,
    consistency,
  })
  const plain = startPlainReader(world.url(plainTo, { from: region }))
  return {
    ...app,
    plain,
    watch(onQuery) {
      pool.on('query', onQuery)
      return () => pool.off('query', onQuery)
    },
    async stop() {
      await Promise.all([load.stop(), plain.stop()])
      await pool.destroy()
    },
  }
}

/** A statement as the page tells it: never with its values. */
export function statementFacts(
  id: number,
  { region, pool }: App,
  { text, servedBy, durationMs, error }: QueryEvent,
  rtt: (a: string, b: string) => number,
): StatementFacts {
  return {
    id,
    at: Date.now(),
    region,
    text: text.replaceAll(/\s+/g, ' ').trim().slice(0, 200),
    ms: durationMs,
    server: servedBy?.server,
    reason: servedBy?.reason,
    attempts: servedBy?.attempts ?? 0,
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

function errorWords(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 300) : 'It failed.'
}
