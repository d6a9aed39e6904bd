import type { LeakReport, Sample } from './run.ts'

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
    const counts = samples.map((sample) => beyondKnown(sample)[kind])
    const [atFirst, atLast] = [counts[0], counts.at(-1) ?? 0]
    if (atLast > Math.max(...counts.slice(0, -1)) + NOISE) {
      found.push(`At rest there were ${atFirst} ${kind} first that nothing accounts for, and ${atLast} last.`)
    }
    if (after[kind] > before[kind])
      found.push(`After the end there were ${after[kind]} ${kind}, and ${before[kind]} before.`)
  }
  return found
}

/** Sockets that are no connections, and connections that are not the pool's. */
function beyondKnown({
  timers,
  sockets,
  connections,
  pooled,
}: Sample): Pick<Sample, 'timers' | 'sockets' | 'connections'> {
  return { timers, sockets: sockets - connections, connections: connections - pooled }
}

export function mb(bytes: number): string {
  return (bytes / 1_000_000).toFixed(1)
}
