import { steadyNow } from '../sleep-aware-clock.ts'
import { certainBookmark, laterBookmark, type Bookmark } from '../session/bookmark.ts'
import type { Consistency } from '../session/consistency.ts'
import type { SessionState } from '../session/session-state.ts'
import { writeOrder } from '../server-selection/server-selection.ts'
import { positionWithin } from '../observations/staleness.ts'
import type { FreshnessContext } from './freshness-context.ts'

/** What a read must show. */
export interface Requirement {
  /** Everything up to this position, whichever server answers. */
  readonly bookmark: Bookmark | undefined
  /** Set if only the primary is sure to show it, with the reason. */
  readonly primary?: 'strong' | 'lagging'
  /** What its caller has asked for beyond its session. */
  readonly asked?: Consistency
}

/** How much two primaries' clocks may differ: the next one reads the time that the last one gave. */
const SKEW_MS = 1_000

/** Where the primary tells no position, time may stand in for it: what is older than the bound is on every server. */
export function settleByTime(context: FreshnessContext, session: SessionState): void {
  const { assumeReplicatedAfterMs: bound } = context
  if (bound === undefined || (!session.blind && session.home === undefined)) return
  const { topology, positions } = context
  const [primary] = writeOrder(topology)
  if (primary === undefined || positions.askable(primary.name) !== 'no') return
  const now = performance.now()
  session.settleUntil(now - bound)
  const clock = positions.clockOf(primary.name, now)
  const { knownUntil } = session
  if (clock !== undefined && knownUntil !== undefined && clock.least - knownUntil >= bound + SKEW_MS)
    session.settleBeginning()
}

export function requirementOf(
  context: FreshnessContext,
  session: Pick<SessionState, 'bookmark' | 'blind'>,
  consistency: Consistency,
): Requirement {
  const { bookmark } = session
  if (consistency === 'strong') return { bookmark, primary: 'strong', asked: consistency }
  if (session.blind) return { bookmark, primary: 'lagging' }
  // Nothing to compare with what is known of the primary.
  if (bookmark === undefined && typeof consistency === 'string') return { bookmark }
  const [primary] = writeOrder(context.topology)
  const known = primary === undefined ? undefined : context.positions.of(primary.name)
  const ours = known?.systemIdentifier
  if (bookmark !== undefined && ours !== undefined && ours !== bookmark.systemIdentifier) {
    return { bookmark, primary: 'lagging' }
  }
  if (typeof consistency === 'string') return { bookmark }
  const lsn = positionWithin(context.trail, steadyNow(), consistency.maxStalenessMs)
  const asked = consistency
  if (lsn === undefined || ours === undefined || known?.timeline === undefined)
    return { bookmark, primary: 'lagging', asked }
  return { bookmark: laterBookmark(bookmark, { systemIdentifier: ours, timeline: known.timeline, lsn }), asked }
}

/** What the primary should have: the known requirement, and what was written to the usual server before its connections were lost. */
export function expectedOfPrimary(
  { positions }: FreshnessContext,
  { home, homeUsedAt }: SessionState,
  required: Bookmark | undefined,
  answered: Bookmark,
): Bookmark | undefined {
  const last = home && (positions.asPrimary(home.machine) ?? positions.beforeLoss(home.server))
  // It may be the same machine by another name; and of one that has restarted nobody knows how far it had got.
  if ((last?.timeline ?? answered.timeline) >= answered.timeline) return required
  if (last?.standby !== false || last.timeline === undefined || last.systemIdentifier === undefined) return required
  const { systemIdentifier, timeline, lsn } = last
  const beyond = homeUsedAt > last.at ? 1n : 0n
  return laterBookmark(required, certainBookmark({ systemIdentifier, timeline, lsn: lsn + beyond }))
}
