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

/** Runs `work` with so many callers at once, each of them calling again as soon as it has its answer. */
export async function run(work: () => Promise<unknown>, { callers, ms }: Load): Promise<Sample> {
  const latencies: number[] = []
  const begin = performance.now()
  const end = begin + ms
  const caller = async (): Promise<void> => {
    for (let start = performance.now(); start < end; start = performance.now()) {
      await work()
      latencies.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  const took = performance.now() - begin
  return { p50: median(latencies), throughput: (latencies.length / took) * 1_000 }
}

/** One after the other, again and again, so that what disturbs the machine disturbs all; the median of each. */
export async function sideBySide(
  works: readonly (() => Promise<unknown>)[],
  load: Load,
  rounds: number,
): Promise<Sample[]> {
  const samples: Sample[][] = works.map(() => [])
  for (let round = 0; round <= rounds; round++) {
    // Whoever goes first has it a little better or worse: they take turns.
    const order = round % 2 === 0 ? works.keys() : [...works.keys()].toReversed()
    for (const i of order) {
      const sample = await run(works[i] as () => Promise<unknown>, load)
      // The first round warms up.
      if (round > 0) samples[i]?.push(sample)
    }
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
