import { setTimeout as sleep } from 'node:timers/promises'
import { createPool } from 'pg-nearest'
import { startWorld, type World } from 'pg-nearest-world'
import {
  type App,
  chaosFaults,
  createDeeds,
  createRegisters,
  Diary,
  type Promotion,
  REGISTERS,
  rowsAt,
  settled,
  startLoad,
  startStorm,
  type Step,
  stepsOf,
} from 'pg-nearest-world/chaos'
import { chaosReport, type ChaosReport } from './report.ts'

/** One of them begins next to the primary. */
const APPS = ['nrt', 'ord', 'ams'] as const
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
  await createDeeds(world)
  // It waits until every replica has what was made after the table.
  await createRegisters(world, REGISTERS)
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
    settled: (signal) => settled(diary, APPS, signal),
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

async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController()
  const over = sleep(ms, false, { signal: timer.signal }).catch(() => false)
  try {
    return await Promise.race([work.then(() => true), over])
  } finally {
    timer.abort()
  }
}
