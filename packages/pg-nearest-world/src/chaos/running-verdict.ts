import { isRead, type Deed } from './deed.ts'
import { judge, type Evidence, type Finding } from './verdict.ts'

/** What went wrong until now, and of how much. */
export interface RunningCounts {
  readonly reads: number
  readonly writes: number
  readonly readsFailed: number
  readonly writesLost: number
  readonly writesDoubled: number
  readonly sessionsBack: number
  readonly leftBehind: number
}

/** The verdict on a load without end: it judges the same evidence again as it grows, and counts each fault once. */
export interface RunningVerdict {
  /** Judges what has ended; `evidence` may begin anywhere, for what was found stays found. */
  judge(evidence: Evidence): void
  /** Counts operations, each once. */
  count(deeds: readonly Deed[]): void
  readonly counts: RunningCounts
}

export function createRunningVerdict(): RunningVerdict {
  let [reads, writes] = [0, 0]
  const readsFailed = new Set<string>()
  const writesLost = new Set<number>()
  const writesDoubled = new Set<number>()
  const sessionsBack = new Set<string>()
  const leftBehind = new Set<number>()

  const note = ({ wrong, deed, ids = [], stale }: Finding): void => {
    switch (wrong) {
      case 'lost':
      case 'torn':
        for (const id of ids) writesLost.add(id)
        break
      case 'twice':
      case 'refused, and there':
      case 'nobody’s':
        for (const id of ids) writesDoubled.add(id)
        break
      case 'failed read':
      case 'aborted read':
        if (deed !== undefined) readsFailed.add(`${deed.app} ${deed.invokedAt}`)
        break
      case 'guarantee':
        if (stale !== undefined) sessionsBack.add(`${stale.read.session} ${stale.read.invokedAt}`)
        break
    }
  }

  return {
    judge(evidence) {
      const verdict = judge(evidence)
      for (const finding of verdict.findings) note(finding)
      for (const id of verdict.leftBehind) leftBehind.add(id)
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
