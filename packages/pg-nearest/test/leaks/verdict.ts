import type { LeakReport } from './run.ts'

/** What a heap may differ by from one rest to another, in bytes. */
const HEAP_NOISE = 3_000_000
/** Of the heap at the first rest. */
const HEAP_SHARE = 0.1
/** Timers and sockets that may just be on their way. */
const NOISE = 4

/** What has grown, a sentence each. */
export function leaksOf({ samples, before, after }: LeakReport): string[] {
  const [first, ...rest] = samples
  const last = rest.at(-1)
  if (first === undefined || last === undefined) return ['There were not enough rests to compare.']
  const allowed = HEAP_NOISE + HEAP_SHARE * first.heap
  // What is only late to be collected is not there at each of the later rests.
  const leastHeap = Math.min(...rest.slice(-3).map(({ heap }) => heap))
  const found: string[] = []
  if (leastHeap - first.heap > allowed) found.push(`The heap grew from ${mb(first.heap)} to ${mb(leastHeap)} MB.`)
  for (const kind of ['timers', 'sockets', 'connections'] as const) {
    if (last[kind] > Math.max(...samples.slice(0, -1).map((sample) => sample[kind])) + NOISE) {
      found.push(`At rest there were ${first[kind]} ${kind} first, and ${last[kind]} last.`)
    }
    if (after[kind] > before[kind])
      found.push(`After the end there were ${after[kind]} ${kind}, and ${before[kind]} before.`)
  }
  return found
}

export function mb(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1)
}
