/** What a number of callers got, one after the other each, in a stretch of time. */
export interface Sample {
  /** Milliseconds. */
  readonly p50: number
  /** Calls per second. */
  readonly throughput: number
}

export interface Load {
  readonly callers: number
  readonly ms: number
}

/** Runs `work` with so many callers at once, each calling again as soon as it has its answer, and at least once. */
export async function run(work: () => Promise<unknown>, { callers, ms }: Load): Promise<Sample> {
  const latencies: number[] = []
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
  return { p50: median(latencies), throughput: (latencies.length / took) * 1_000 }
}

/**
 * One after the other, again and again, so that what disturbs the machine disturbs all; the median of each. One round
 * more comes first and warms up.
 */
export async function sideBySide(
  works: readonly (() => Promise<unknown>)[],
  load: Load,
  rounds: number,
  onRound: (done: number, of: number) => void = () => undefined,
): Promise<Sample[]> {
  const samples: Sample[][] = works.map(() => [])
  for (let round = 0; round <= rounds; round++) {
    // Whoever goes first has it a little better or worse: they take turns.
    const order = round % 2 === 0 ? works.keys() : [...works.keys()].toReversed()
    for (const i of order) {
      const sample = await run(works[i] as () => Promise<unknown>, load)
      if (round > 0) samples[i]?.push(sample)
    }
    onRound(round + 1, rounds + 1)
  }
  return samples.map((each) => ({
    p50: median(each.map(({ p50 }) => p50)),
    throughput: median(each.map(({ throughput }) => throughput)),
  }))
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
