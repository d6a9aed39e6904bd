import { planPrimary, type Attempt } from '../route/plan-servers.ts'
import type { Bookmark } from '../session/bookmark.ts'
import type { Consistency } from '../session/consistency.ts'
import type { SessionState } from '../session/session-state.ts'
import type { FreshnessContext } from '../session-positions/freshness-context.ts'
import { writeOrder } from '../server-selection/server-selection.ts'
import { requirementOf } from '../session-positions/freshness-requirement.ts'
import { estimateOf, primaryRttMsOf, rttMsOf } from './freshness-estimate.ts'
import { orderByFreshness, type FreshnessEstimate } from './order-by-freshness.ts'
import { waitBudgetMs } from './wait-budget.ts'

/** Where a read would have gone first. */
export interface ShadowRead {
  readonly attempt: Attempt | undefined
  /** Whether it shows what the read must show; a promise where that replica has to be asked. */
  readonly shows: boolean | Promise<boolean>
  /** Something had to be shown there. */
  readonly proven: boolean
}

/**
 * Where a read of this session would have gone if it had not run on the primary: as {@link FreshnessCheck} decides, but by what the session
 * has written, because what it has seen there it would not have seen. Costs nothing, unless the replica may be behind: then a question to
 * it, which nobody waits for.
 */
export function shadowRead(
  context: FreshnessContext,
  session: SessionState,
  written: Bookmark | undefined,
  consistency: Consistency,
  attempts: readonly Attempt[],
): ShadowRead {
  const isFree = consistency === 'eventual'
  const { bookmark, primary } = isFree
    ? {}
    : requirementOf(context, { bookmark: written, blind: session.blind }, consistency)
  if (primary !== undefined) return onPrimary(planPrimary(context.topology, primary)[0])
  const estimate = (server: string): FreshnessEstimate =>
    isFree ? 'shows' : estimateOf(context, session, bookmark, server)
  const isPrimary = (server: string): boolean => writeOrder(context.topology).some(({ name }) => name === server)
  const [attempt] = orderByFreshness(attempts, estimate, isPrimary)
  const estimated = attempt === undefined ? 'primary' : estimate(attempt.server)
  if (attempt === undefined || estimated === 'primary') return onPrimary(attempt)
  if (bookmark === undefined) return { attempt, shows: true, proven: false }
  if (estimated === 'shows') return { attempt, shows: true, proven: true }
  const withinMs = waitBudgetMs(primaryRttMsOf(context), rttMsOf(context, attempt.server))
  return { attempt, shows: context.reached(attempt.server, bookmark.lsn, withinMs), proven: true }
}

function onPrimary(attempt: Attempt | undefined): ShadowRead {
  return { attempt, shows: true, proven: false }
}
