/** What a number of callers got, one after the other each, in a stretch of time. */
export interface Sample {
  /** Milliseconds. */
  readonly p50: number
  /** Milliseconds. */
  readonly p99: number
  /** Calls per second. */
  readonly throughput: number
  /** Processor time of this process for each call, in microseconds. */
  readonly cpuUs: number
  readonly calls: number
}

export interface Load {
  readonly callers: number
  readonly ms: number
}

/** Runs `work` with so many callers at once, each calling again as soon as it has its answer, and at least once. */
export async function run(work: () => Promise<unknown>, { callers, ms }: Load): Promise<Sample> {
  const latencies: number[] = []
  const cpu = process.cpuUsage()
  const begin = performance.now()
  const end = begin + ms
  const caller = async (): Promise<void> => {
    let start = begin
    do {
      await work()
      const now = performance.now()
      latencies.push(now - start)
      start = now
    } while (start < end)
  }
  await Promise.all(Array.from({ length: callers }, caller))
  const took = performance.now() - begin
  const { user, system } = process.cpuUsage(cpu)
  return {
    p50: median(latencies),
    p99: percentile(latencies, 0.99),
    throughput: (latencies.length / took) * 1_000,
    cpuUs: (user + system) / latencies.length,
    calls: latencies.length,
  }
}

/** How long a turn may take, so that all take so many seconds together. A round that warms up comes on top. */
export function msOfTurn(seconds: number, turnsOfRound: number, rounds: number): number {
  return (seconds * 1_000) / (turnsOfRound * (rounds + 1))
}

type OnRound = (done: number, of: number) => void

/**
 * One after the other, again and again, so that what disturbs the machine disturbs all; the median of each. One round
 * more comes first and warms up.
 */
export async function sideBySide(
  works: readonly (() => Promise<unknown>)[],
  load: Load,
  rounds: number,
  onRound?: OnRound,
): Promise<Sample[]> {
  const samples = await inRounds(
    works.map((work) => () => run(work, load)),
    rounds,
    onRound,
  )
  return samples.map(medianSample)
}

/** The same with all samples, round by round, for each of those that take them. */
export async function inRounds(
  runs: readonly (() => Promise<Sample>)[],
  rounds: number,
  onRound: OnRound = () => undefined,
): Promise<Sample[][]> {
  const samples: Sample[][] = runs.map(() => [])
  for (let round = 0; round <= rounds; round++) {
    // Who goes first, or after whom, has it a little better or worse: they take turns at both.
    const first = (round >> 1) % runs.length
    const turns = [...runs.entries()]
    const rotated = [...turns.slice(first), ...turns.slice(0, first)]
    const order = round % 2 === 0 ? rotated : rotated.toReversed()
    for (const [i, take] of order) {
      // No forced collection in between: it discards compiled code, too, and what is measured then is compiling.
      const sample = await take()
      if (round > 0) samples[i]?.push(sample)
    }
    onRound(round + 1, rounds + 1)
  }
  return samples
}

export function medianSample(samples: readonly Sample[]): Sample {
  return {
    p50: median(samples.map(({ p50 }) => p50)),
    p99: median(samples.map(({ p99 }) => p99)),
    throughput: median(samples.map(({ throughput }) => throughput)),
    cpuUs: median(samples.map(({ cpuUs }) => cpuUs)),
    calls: samples.reduce((sum, { calls }) => sum + calls, 0),
  }
}

/** A ratio, and what its true value lies between, as far as so many rounds tell. */
export interface Ratio {
  readonly median: number
  readonly low: number
  readonly high: number
}

/** A ratio's median over the rounds, and between what the middle half of them lies. */
export interface Quartiles {
  readonly median: number
  readonly q1: number
  readonly q3: number
}

/** By one figure of what was measured in the same rounds. */
export function quartiles<K extends string>(
  above: readonly Readonly<Record<K, number>>[],
  below: readonly Readonly<Record<K, number>>[],
  figure: K,
): Quartiles {
  const ratios = above.map((sample, i) => sample[figure] / (below[i]?.[figure] ?? Number.NaN))
  return { median: median(ratios), q1: percentile(ratios, 0.25), q3: percentile(ratios, 0.75) }
}

/** By one figure of samples that were taken in the same rounds. */
export function sampleRatio(above: readonly Sample[], below: readonly Sample[], figure: keyof Sample): Ratio {
  return pairedRatio(
    above.map((sample) => sample[figure]),
    below.map((sample) => sample[figure]),
  )
}

/** Of values that were taken in pairs. The range is the 95 % interval of the median: that of the ranks, by their order. */
export function pairedRatio(above: readonly number[], below: readonly number[]): Ratio {
  const ratios = above.map((value, i) => value / (below[i] ?? Number.NaN)).toSorted((a, b) => a - b)
  const last = ratios.length - 1
  const rank = Math.max(0, Math.floor((ratios.length - 1.96 * Math.sqrt(ratios.length)) / 2) - 1)
  return { median: median(ratios), low: ratios[rank] ?? Number.NaN, high: ratios[last - rank] ?? Number.NaN }
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

/** The value that this share of the numbers does not exceed. */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
