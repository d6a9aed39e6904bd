import { laterBookmark, type Bookmark } from '../session/bookmark.ts'
import type { Consistency } from '../session/consistency.ts'
import type { SessionState } from '../session/session-state.ts'
import { writeOrder } from '../topology/server-selection.ts'
import { positionWithin } from '../topology/staleness.ts'
import type { FreshnessContext } from './freshness-context.ts'

/** What a read must show. */
export interface Requirement {
  /** Everything up to this position, whichever server answers. */
  readonly bookmark: Bookmark | undefined
  /** Set if only the primary is sure to show it, with the reason. */
  readonly primary?: 'strong' | 'lagging'
}

export function requirementOf(context: FreshnessContext, session: SessionState, consistency: Consistency): Requirement {
  const { bookmark } = session
  if (consistency === 'strong') return { bookmark, primary: 'strong' }
  if (session.blind) return { bookmark, primary: 'lagging' }
  const [primary] = writeOrder(context.topology)
  const known = primary === undefined ? undefined : context.positions.of(primary.name)
  const ours = known?.systemIdentifier
  if (bookmark !== undefined && ours !== undefined && ours !== bookmark.systemIdentifier) {
    return { bookmark, primary: 'lagging' }
  }
  if (typeof consistency === 'string') return { bookmark }
  const lsn = positionWithin(context.trail, Date.now(), consistency.maxStalenessMs)
  if (lsn === undefined || ours === undefined || known?.timeline === undefined) return { bookmark, primary: 'lagging' }
  return { bookmark: laterBookmark(bookmark, { systemIdentifier: ours, timeline: known.timeline, lsn }) }
}

/** What the primary should have: the known requirement, and what was written to the usual server before its connections were lost. */
export function expectedOfPrimary(
  { positions }: FreshnessContext,
  { home, homeUsedAt }: SessionState,
  required: Bookmark | undefined,
  primary: string,
): Bookmark | undefined {
  const last = home === undefined || home.server === primary ? undefined : positions.beforeLoss(home.server)
  if (last?.standby !== false || last.timeline === undefined || last.systemIdentifier === undefined) return required
  const { systemIdentifier, timeline, lsn } = last
  const beyond = homeUsedAt > last.at ? 1n : 0n
  return laterBookmark(required, { systemIdentifier, timeline, lsn: lsn + beyond, certain: true })
}
