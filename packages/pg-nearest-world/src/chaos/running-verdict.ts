import type { Counters } from 'pg-nearest-page'
import { isRead, type Deed } from './deed.ts'
import { judge, type Evidence, type Finding } from './verdict.ts'

/** The verdict on a load without end: it judges the same evidence again as it grows, and counts each fault once. */
export interface RunningVerdict {
  /** Judges what has ended; `evidence` may begin anywhere, for what was found stays found. Returns what is new. */
  judge(evidence: Evidence): readonly Finding[]
  /** Counts operations, each once. */
  count(deeds: readonly Deed[]): void
  readonly counts: Counters
}

export function createRunningVerdict(): RunningVerdict {
  let [reads, writes] = [0, 0]
  const readsFailed = new Set<string>()
  const writesLost = new Set<number>()
  const writesDoubled = new Set<number>()
  const sessionsBack = new Set<string>()
  const leftBehind = new Set<number>()

  /** Whether it is new. */
  const note = ({ wrong, deed, ids = [], stale }: Finding): boolean => {
    switch (wrong) {
      case 'lost':
      case 'torn':
        return addAll(writesLost, ids)
      case 'twice':
      case 'refused, and there':
      case 'nobody’s':
        return addAll(writesDoubled, ids)
      case 'failed read':
      case 'aborted read':
        return addAll(readsFailed, deed === undefined ? [] : [`${deed.app} ${deed.invokedAt}`])
      case 'guarantee':
        return addAll(sessionsBack, stale === undefined ? [] : [`${stale.read.session} ${stale.read.invokedAt}`])
    }
  }

  return {
    judge(evidence) {
      const verdict = judge(evidence)
      addAll(leftBehind, verdict.leftBehind)
      return verdict.findings.filter(note)
    },
    count(deeds) {
      const read = deeds.filter(isRead).length
      reads += read
      writes += deeds.length - read
    },
    get counts() {
      return {
        reads,
        writes,
        readsFailed: readsFailed.size,
        writesLost: writesLost.size,
        writesDoubled: writesDoubled.size,
        sessionsBack: sessionsBack.size,
        leftBehind: leftBehind.size,
      }
    },
  }
}

/** Whether any of them is new. */
function addAll<T>(known: Set<T>, items: readonly T[]): boolean {
  const before = known.size
  for (const item of items) known.add(item)
  return known.size > before
}
