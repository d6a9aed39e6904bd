import {
  type Inflicted,
  type Deed,
  type Evidence,
  type Fates,
  type Finding,
  judge,
  type Kind,
  type Outcome,
  type Verdict,
} from 'pg-nearest-world/chaos'
import { recoveries, takeovers, type Recovery, type Spread } from './recovery.ts'

export interface ChaosRun extends Evidence {
  readonly seed: number
  /** As all times: milliseconds of `performance.now()`. */
  readonly startedAt: number
  readonly endedAt: number
  readonly inflicted: readonly Inflicted[]
  readonly heldBack: number
  /** Pools that did not end. */
  readonly hungEnds: number
}

/** All of its times are milliseconds from the beginning of the run. */
export interface ChaosReport {
  readonly seed: number
  readonly seconds: number
  readonly counts: Readonly<Partial<Record<Kind, Partial<Record<Outcome, number>>>>>
  /** Those that were not ok, by kind and code. */
  readonly failures: Readonly<Record<string, { readonly count: number; readonly message: string }>>
  readonly heldBack: number
  readonly hungEnds: number
  readonly fates: Fates
  readonly promotions: readonly { readonly what: string; readonly at: number; readonly promotedAfterMs: number }[]
  readonly inflicted: readonly Inflicted[]
  readonly recovery: Readonly<Record<string, Recovery>>
  readonly takeover: Spread
  readonly guarantees: Verdict['guarantees']
  /** Sessions that were told of a lost position, and when. */
  readonly losses: readonly { readonly session: string; readonly at: number }[]
  readonly excused: { readonly byLoss: number; readonly byUnproven: number; readonly reads: readonly Failure[] }
  readonly violations: readonly ToldFinding[]
}

export interface Failure {
  readonly app: string
  readonly kind: Kind
  readonly at: number
  readonly ms: number
  readonly outcome: Outcome
  readonly server: string | undefined
  readonly code: string | undefined
  readonly message: string | undefined
  /** What was broken at any time while it ran. */
  readonly during: readonly string[]
}

export interface ToldFinding extends Pick<Finding, 'wrong' | 'ids' | 'stale'> {
  readonly deed: Failure | undefined
  readonly during: readonly string[]
}

const NEAR_MS = 5_000

export function chaosReport(run: ChaosRun): ChaosReport {
  const { seed, startedAt, endedAt, deeds, promotions, heldBack, hungEnds } = run
  const { findings, fates, excusedReads, guarantees, excusedByLoss, excusedByUnproven } = judge(run)
  const since = (at: number): number => Math.round(at - startedAt)
  const inflicted = run.inflicted.map((each) => ({ ...each, from: since(each.from), to: since(each.to) }))
  const during = (from: number, to: number): string[] =>
    inflicted
      .filter((each) => each.from <= since(to) && each.to >= since(from))
      .map((each) => `${each.what} (${seconds(each.from)} to ${seconds(each.to)})`)
  // What decides whether it is excused.
  const around = ({ earlier, read }: Stale): string[] => {
    const isNear = (from: number, to: number): boolean =>
      to > earlier.invokedAt - NEAR_MS && from < read.completedAt + NEAR_MS
    return [
      ...promotions
        .filter((each) => isNear(each.standbyUntil, each.promotedAt))
        .map(
          (each) =>
            `${each.promoted} became the primary between ${since(each.standbyUntil)} and ${since(each.promotedAt)} ms`,
        ),
      ...run.losses
        .filter(({ session, at }) => session === read.session && isNear(at, at))
        .map(({ at }) => `it was told of a loss at ${since(at)} ms`),
    ]
  }
  const failure = ({ app, kind, invokedAt, completedAt, outcome, server, code, message }: Deed): Failure => ({
    app,
    kind,
    at: since(invokedAt),
    ms: Math.round(completedAt - invokedAt),
    outcome,
    server,
    code,
    message,
    during: during(invokedAt, completedAt),
  })
  const told = ({ wrong, ids, deed, stale }: Finding): ToldFinding => ({
    wrong,
    ...(ids === undefined ? {} : { ids }),
    ...(stale === undefined ? {} : { stale: shifted(stale, since) }),
    deed: deed === undefined ? undefined : failure(deed),
    during:
      stale !== undefined
        ? [...during(stale.earlier.invokedAt, stale.read.completedAt), ...around(stale)]
        : deed === undefined
          ? []
          : during(deed.invokedAt, deed.completedAt),
  })
  return {
    seed,
    seconds: (endedAt - startedAt) / 1_000,
    counts: countsOf(deeds),
    failures: failuresOf(deeds),
    heldBack,
    hungEnds,
    fates,
    promotions: promotions.map(({ old, promoted, startedAt: at, promotedAt }) => ({
      what: `${promoted} over ${old}`,
      at: since(at),
      promotedAfterMs: Math.round(promotedAt - at),
    })),
    inflicted,
    recovery: recoveries(deeds, run.inflicted),
    takeover: takeovers(deeds, promotions),
    guarantees,
    losses: run.losses.map(({ session, at }) => ({ session, at: since(at) })),
    excused: { byLoss: excusedByLoss, byUnproven: excusedByUnproven, reads: excusedReads.map(failure) },
    violations: findings.map(told),
  }
}

/** Whether anything went wrong that must not. */
export function isViolated({ violations, hungEnds }: ChaosReport): boolean {
  return violations.length > 0 || hungEnds > 0
}

type Stale = NonNullable<Finding['stale']>

function shifted({ guarantee, earlier, read }: Stale, since: (at: number) => number): Stale {
  const shift = (operation: Stale['read']): Stale['read'] => ({
    ...operation,
    invokedAt: since(operation.invokedAt),
    completedAt: since(operation.completedAt),
  })
  return { guarantee, earlier: shift(earlier), read: shift(read) }
}

function countsOf(deeds: readonly Deed[]): ChaosReport['counts'] {
  const counts: Partial<Record<Kind, Partial<Record<Outcome, number>>>> = {}
  for (const { kind, outcome } of deeds) {
    const own = (counts[kind] ??= {})
    own[outcome] = (own[outcome] ?? 0) + 1
  }
  return counts
}

function failuresOf(deeds: readonly Deed[]): ChaosReport['failures'] {
  const failures: Record<string, { count: number; message: string }> = {}
  for (const { kind, outcome, code, message = '' } of deeds) {
    if (outcome !== 'ok') (failures[`${kind}: ${code ?? outcome}`] ??= { count: 0, message }).count++
  }
  return failures
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
