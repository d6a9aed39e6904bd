import pg from 'pg'
import { createPool } from 'pg-nearest'
import { median, percentile, quartiles, type Quartiles } from '../measure.ts'
import { progressLine } from '../progress.ts'
import { openNearReaders } from '../readers/open-readers.ts'
import type { Reader } from '../readers/reader.ts'
import { createUsers } from '../users.ts'
import { startWorldElsewhere } from '../world-elsewhere.ts'
import { stepsOfSlow, withSlowOnes, type Slowness } from '../workloads.ts'

/** Reads that come at random, whoever has been answered: what the fast ones take from when they have come. */
export interface ArrivalsResult {
  readonly slowness: Slowness
  readonly perSecond: number
  /** The first is what the others are compared with. */
  readonly ways: readonly ArrivalsWay[]
}

export interface ArrivalsWay {
  readonly name: string
  /** Milliseconds, as all of these. */
  readonly p50: number
  readonly p99: number
  /** To the first way, round by round. */
  readonly p99Ratio: Quartiles
}

interface Latencies {
  readonly p50: number
  readonly p99: number
}

const RATES = [500, 1_000, 2_000, 5_000, 10_000]
/** More cannot be served where one in twenty takes 50 ms and there are ten connections. */
const RATES_WITH_SLOW = [500, 1_000, 2_000]
const ROUNDS = 11
const WARM_UP_MS = 500

/** Takes about as long as asked for, in seconds. */
export async function arrivals(seconds: number): Promise<readonly ArrivalsResult[]> {
  using progress = progressLine()
  await using world = await startWorldElsewhere()
  const replica = new pg.Pool({ connectionString: world.url('ord') })
  let steps: number
  {
    await using pool = createPool(world.options)
    await createUsers(pool, replica)
    steps = await stepsOfSlow(replica)
    await replica.end()
  }
  const readers = await openNearReaders(world)
  try {
    const chosen = readers.all.filter(({ name }) =>
      ['pg.Pool', 'postgres.js', 'ours, lanes: false', 'ours'].includes(name),
    )
    const cases = [
      ...RATES.map((perSecond) => ({ slowness: 'none' as const, perSecond })),
      ...RATES_WITH_SLOW.flatMap((perSecond) =>
        (['text', 'value'] as const).map((slowness) => ({ slowness, perSecond })),
      ),
    ]
    const ms = (seconds * 1_000) / (cases.length * chosen.length * (ROUNDS + 1))
    const results: ArrivalsResult[] = []
    for (const { slowness, perSecond } of cases) {
      progress.show(`${perSecond} a second, slow by ${slowness}`)
      const call = withSlowOnes(slowness, steps)
      const rounds = await inTurns(chosen, (reader, round) =>
        arrive(() => call(reader), { perSecond, ms: round === 0 ? WARM_UP_MS : ms }),
      )
      results.push({ slowness, perSecond, ways: waysOf(chosen, rounds) })
    }
    return results
  } finally {
    await readers.end()
  }
}

async function inTurns(
  readers: readonly Reader[],
  take: (reader: Reader, round: number) => Promise<Latencies>,
): Promise<readonly (readonly Latencies[])[]> {
  const taken: Latencies[][] = readers.map(() => [])
  for (let round = 0; round <= ROUNDS; round++) {
    const order = [...readers.entries()]
    for (const [i, reader] of round % 2 === 0 ? order : order.toReversed()) {
      const latencies = await take(reader, round)
      if (round > 0) taken[i]?.push(latencies)
    }
  }
  return taken
}

/** Begins calls at random moments, so many a second on average; resolves when all have been answered. */
async function arrive(
  call: () => Promise<boolean>,
  { perSecond, ms }: { readonly perSecond: number; readonly ms: number },
): Promise<Latencies> {
  const fast: number[] = []
  const calls: Promise<void>[] = []
  const begun = performance.now()
  let next = begun
  await new Promise<void>((resolve) => {
    const step = (): void => {
      const now = performance.now()
      if (now > begun + ms) return resolve()
      for (; next <= now; next += (-Math.log(1 - Math.random()) / perSecond) * 1_000) {
        const cameAt = next
        calls.push(
          call().then((isFast) => {
            if (isFast) fast.push(performance.now() - cameAt)
          }),
        )
      }
      setImmediate(step)
    }
    step()
  })
  await Promise.all(calls)
  return { p50: median(fast), p99: percentile(fast, 0.99) }
}

function waysOf(readers: readonly Reader[], rounds: readonly (readonly Latencies[])[]): readonly ArrivalsWay[] {
  const [base = []] = rounds
  return readers.map(({ name }, i) => {
    const own = rounds[i] ?? []
    return {
      name,
      p50: median(own.map(({ p50 }) => p50)),
      p99: median(own.map(({ p99 }) => p99)),
      p99Ratio: quartiles(own, base, 'p99'),
    }
  })
}
