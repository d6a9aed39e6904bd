import { setTimeout as sleep } from 'node:timers/promises'
import { createPool } from 'pg-nearest'
import { startWorld, type World } from 'pg-nearest-world'
import pg from 'pg'
import { createRegisters } from '../history/registers.ts'
import { isRead } from './deed.ts'
import { Diary } from './diary.ts'
import { chaosFaults } from './faults.ts'
import { REGISTERS, startLoad, type App } from './load.ts'
import { rowsAt, type Promotion } from './promotion.ts'
import { chaosReport, type ChaosReport } from './report.ts'
import { startStorm, stepsOf, type Step } from './storm.ts'

/** One of them begins next to the primary. */
const APPS = ['nrt', 'ord', 'ams'] as const
/** For all apps to be well again before the next fault; after that it is a part of what is tested. */
const SETTLES_MS = 15_000
/** Load goes on after the last fault, to see what recovers. */
const CALM_MS = 5_000
const DESTROYS_MS = 10_000

export interface ChaosOptions {
  readonly seed: number
  /** How long faults come. Default: until the steps are over. */
  readonly seconds?: number | undefined
  /** The apps' pools hedge. Default: not. */
  readonly hedge?: boolean | undefined
  /** Default: those that the seed makes. */
  readonly steps?: Iterable<Step> | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?:
    ((progress: { readonly operations: number; readonly broken: string | undefined }) => void) | undefined
}

/** Five regions, three of them with an app, while everything breaks and is mended again. */
export function chaosWorld(): Promise<World> {
  return startWorld({
    primary: 'nrt',
    replicas: ['ord', 'atl', 'syd', 'ams'],
    rtt: {
      'nrt-ord': 50,
      'nrt-atl': 60,
      'nrt-syd': 50,
      'nrt-ams': 80,
      'ord-atl': 20,
      'ord-syd': 70,
      'ord-ams': 40,
      'atl-syd': 80,
      'atl-ams': 40,
      'syd-ams': 80,
    },
    // A client that was cut off in a transaction must not lock a register until it comes back.
    settings: { idle_in_transaction_session_timeout: '2s' },
  })
}

/** Runs the load under faults in a world of {@link chaosWorld}, and judges what came of it. */
export async function runChaos(world: World, options: ChaosOptions): Promise<ChaosReport> {
  const { seed, seconds, hedge = false, steps = stepsOf(seed), onProgress } = options
  await createTables(world)
  const diary = new Diary()
  const promotions: Promotion[] = []
  const apps = APPS.map((region): App => ({ region, pool: createPool({ ...world.poolOptions(region), hedge }) }))
  for (const { pool } of apps) diary.listen(pool)
  const ending = new AbortController()
  const end = (): void => ending.abort()
  options.signal?.addEventListener('abort', end, { once: true })
  const timer = seconds === undefined ? undefined : setTimeout(end, seconds * 1_000)

  const startedAt = performance.now()
  const load = startLoad(apps, seed, diary)
  const storm = startStorm(world, {
    seed,
    steps,
    faults: chaosFaults(APPS, promotions),
    settled: (signal) => settled(diary, signal),
    signal: ending.signal,
  })
  const ticker = setInterval(() => onProgress?.({ operations: diary.deeds.length, broken: storm.current }), 200)
  let endedAt = startedAt
  let destroyed: readonly boolean[] = []
  try {
    await storm.done
    await sleep(CALM_MS)
  } finally {
    await load.stop()
    clearInterval(ticker)
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', end)
    endedAt = performance.now()
    destroyed = await Promise.all(apps.map(({ pool }) => within(pool.destroy(), DESTROYS_MS)))
  }
  return chaosReport({
    seed,
    startedAt,
    endedAt,
    deeds: diary.deeds,
    rows: await rowsAt(world.url(world.primary)),
    promotions,
    history: diary.recorder.history,
    losses: diary.losses,
    inflicted: storm.inflicted,
    heldBack: load.heldBack,
    hungEnds: destroyed.filter((ended) => !ended).length,
  })
}

/** The table without a unique constraint, so that what is written twice is there twice. */
async function createTables(world: World): Promise<void> {
  const client = new pg.Client({ connectionString: world.url(world.primary) })
  await client.connect()
  try {
    await client.query('create table deeds (id int not null)')
  } finally {
    await client.end()
  }
  // It waits until every replica has what was made after the table.
  await createRegisters(world, REGISTERS)
}

/** Resolves when each app has begun and ended a read and a write from now on. */
async function settled({ deeds, recorder }: Diary, signal: AbortSignal): Promise<void> {
  const from = recorder.now()
  const start = deeds.length
  const missing = new Set(APPS.flatMap((app) => [`${app} true`, `${app} false`]))
  const wellAgain = (): boolean => {
    for (const deed of deeds.slice(start)) {
      if (deed.outcome === 'ok' && deed.invokedAt >= from) missing.delete(`${deed.app} ${isRead(deed)}`)
    }
    return missing.size === 0
  }
  while (!signal.aborted && recorder.now() - from < SETTLES_MS && !wellAgain()) await sleep(50)
}

async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController()
  const over = sleep(ms, false, { signal: timer.signal }).catch(() => false)
  try {
    return await Promise.race([work.then(() => true), over])
  } finally {
    timer.abort()
  }
}
