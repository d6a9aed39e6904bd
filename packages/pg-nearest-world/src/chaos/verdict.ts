import { check, type Verdict as Guarantees, type Violation } from './checker.ts'
import type { Operation } from './operation.ts'
import { saysUnproven } from './process-session.ts'
import { isRead, type Deed } from './deed.ts'
import type { Promotion } from './promotion.ts'

/** A session was told that what it knew is lost (`position-lost`). */
export interface Loss {
  readonly session: string
  readonly at: number
}

export interface Evidence {
  readonly deeds: readonly Deed[]
  /** How often each row is there in the end. */
  readonly rows: ReadonlyMap<number, number>
  /** In their order. */
  readonly promotions: readonly Promotion[]
  readonly history: readonly Operation[]
  readonly losses: readonly Loss[]
}

/** What became of rows, and of what was said of them. */
export interface Fates {
  /** Rows of writes that were acknowledged, and how many of them the timeline did not keep. */
  readonly acknowledged: number
  readonly notKept: number
  /** Rows of `OutcomeUnknownError`. */
  readonly unknownThere: number
  readonly unknownAbsent: number
  readonly abortedThere: number
  readonly abortedAbsent: number
  readonly refused: number
}

export type Wrong =
  'lost' | 'twice' | 'refused, and there' | 'torn' | 'nobody’s' | 'failed read' | 'aborted read' | 'guarantee'

export interface Finding {
  readonly wrong: Wrong
  readonly deed?: Deed
  readonly ids?: readonly number[]
  readonly stale?: Violation
}

export interface Verdict {
  readonly findings: readonly Finding[]
  readonly fates: Fates
  /** Rows that were acknowledged, and that the timeline did not keep: `notKept` of the fates. */
  readonly leftBehind: readonly number[]
  /** Reads that failed as they may. */
  readonly excusedReads: readonly Deed[]
  readonly guarantees: Guarantees['counts']
  /** Reads that went back, and whose session was told that a failover had lost what it knew. */
  readonly excusedByLoss: number
  /** Reads of a process' own session that went back, and said `unproven`; or those before them had said so. */
  readonly excusedByUnproven: number
}

/** The default of `failoverTimeoutMs`, which the apps have. */
const FAILOVER_MS = 5_000

export function judge(evidence: Evidence): Verdict {
  const { findings, fates, leftBehind } = judgeRows(evidence)
  const badReads = evidence.deeds.filter((deed) => isRead(deed) && deed.outcome !== 'ok')
  const excusedReads = badReads.filter(mayFail)
  const { violations, counts } = check(evidence.history)
  const unproven = violations.filter(({ earlier, read }) => saysUnproven(earlier) || saysUnproven(read))
  const told = violations.filter((each) => !unproven.includes(each) && isTold(each, evidence))
  return {
    findings: [
      ...findings,
      ...badReads
        .filter((deed) => !mayFail(deed))
        .map((deed): Finding => ({ wrong: deed.outcome === 'aborted' ? 'aborted read' : 'failed read', deed })),
      ...violations
        .filter((each) => !unproven.includes(each) && !told.includes(each))
        .map((stale): Finding => ({ wrong: 'guarantee', stale })),
    ],
    fates,
    leftBehind,
    excusedReads,
    guarantees: counts,
    excusedByLoss: told.length,
    excusedByUnproven: unproven.length,
  }
}

/**
 * A read of a session may find nobody who shows what it must, and is told so rather than misled; with 08007 if it was on its way to
 * the primary when that was cut off, because its text does not prove that it only reads, but not before it has waited for another.
 * A read-only transaction whose connection died after its first answer cannot go on elsewhere. Nothing else may fail: some server is
 * always in reach.
 */
function mayFail({ kind, outcome, code, invokedAt, completedAt }: Deed): boolean {
  if (outcome === 'aborted') return false
  const hasWaited = completedAt - invokedAt >= FAILOVER_MS
  if (kind === 'session read') return code === 'NEAREST_NO_SERVER' || (code === '08007' && hasWaited)
  return kind === 'read-only transaction' && code === 'NEAREST_CONNECTION_LOST'
}

/** Between the two operations a primary may have been replaced, and this session was told that its position was lost. */
function isTold({ earlier, read }: Violation, { promotions, losses }: Evidence): boolean {
  const { invokedAt: from } = earlier
  const { completedAt: to } = read
  return (
    promotions.some(({ standbyUntil, promotedAt }) => promotedAt > from && standbyUntil < to) &&
    losses.some(({ session, at }) => session === read.session && at > from && at < to)
  )
}

function judgeRows({
  deeds,
  rows,
  promotions,
}: Evidence): Pick<Verdict, 'fates' | 'leftBehind'> & { findings: Finding[] } {
  const leftBehind: number[] = []
  const findings: Finding[] = []
  const fates = { acknowledged: 0, notKept: 0, unknownThere: 0, unknownAbsent: 0, abortedThere: 0, abortedAbsent: 0 }
  let refused = 0
  const known = new Set<number>()
  for (const deed of deeds) {
    const { ids, outcome } = deed
    if (ids.length === 0) continue
    for (const id of ids) known.add(id)
    const there = ids.filter((id) => rows.has(id))
    const absent = ids.filter((id) => !rows.has(id))
    const find = (wrong: Wrong, which: readonly number[]): void => {
      if (which.length > 0) findings.push({ wrong, deed, ids: which })
    }
    find(
      'twice',
      ids.filter((id) => (rows.get(id) ?? 0) > 1),
    )
    if (absent.length > 0) find('torn', there)
    switch (outcome) {
      case 'ok': {
        const lost = absent.filter((id) => !wasLeftBehind(deed, id, promotions))
        find('lost', lost)
        leftBehind.push(...absent.filter((id) => !lost.includes(id)))
        fates.acknowledged += ids.length
        fates.notKept += absent.length - lost.length
        break
      }
      case 'failed':
        refused += ids.length
        find('refused, and there', there)
        break
      case 'unknown':
        fates.unknownThere += there.length
        fates.unknownAbsent += absent.length
        break
      case 'aborted':
        fates.abortedThere += there.length
        fates.abortedAbsent += absent.length
        break
    }
  }
  const strangers = [...rows.keys()].filter((id) => !known.has(id))
  if (strangers.length > 0) findings.push({ wrong: 'nobody’s', ids: strangers })
  return { findings, fates: { ...fates, refused }, leftBehind }
}

/**
 * Whether the timeline that survived cannot have kept this row: a primary acknowledged it, and was replaced by a server that
 * did not have it when it was promoted. What a promoted server had, it must keep, until it is itself replaced.
 *
 * It counts when the write was begun, and by whom it was acknowledged: that answer may still have been on its way when the
 * server was dead.
 */
function wasLeftBehind({ invokedAt, server }: Deed, id: number, promotions: readonly Promotion[]): boolean {
  const later = promotions.filter(({ promotedAt }) => promotedAt > invokedAt)
  const first = later.findIndex(({ old }) => old === server)
  return first !== -1 && later.slice(first).some(({ ids }) => !ids.has(id))
}
