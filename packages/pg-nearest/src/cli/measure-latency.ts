import type { Bench, Statistics } from 'tinybench'
import { UsageError } from '../cli-options/usage-error.ts'

/** Statistics of repeated measurements, in milliseconds. */
export interface Figures {
  readonly name: string
  /** Per second. */
  readonly ips: number
  readonly average: number
  /** The relative standard deviation. */
  readonly deviation: number
  readonly median: number
  readonly p99: number
  readonly samples: number
}

export interface Pace {
  readonly timeMs: number
  readonly warmupMs: number
  readonly signal: AbortSignal
}

/** Runs `work` repeatedly, one call after the other. Rejects with the first error of `work`. */
export async function measure(
  name: string,
  work: () => Promise<unknown>,
  { timeMs, warmupMs, signal }: Pace,
): Promise<Figures> {
  const bench = new (await benchClass())({
    time: timeMs,
    iterations: 3,
    warmupTime: warmupMs,
    warmupIterations: 1,
    throws: true,
    signal,
  })
  bench.add(name, async () => void (await work()))
  const [task] = await bench.run()
  signal.throwIfAborted()
  const result = task?.result
  if (result === undefined || !('latency' in result)) throw new Error(`${name} was not measured`)
  return figuresOf(name, result.latency)
}

function figuresOf(name: string, { mean, sd, p50, p99, samplesCount }: Statistics): Figures {
  return { name, ips: 1_000 / mean, average: mean, deviation: sd / mean, median: p50, p99, samples: samplesCount }
}

async function benchClass(): Promise<typeof Bench> {
  try {
    return (await import('tinybench')).Bench
  } catch (error) {
    throw new UsageError('This needs tinybench: npm install tinybench', { cause: error })
  }
}
