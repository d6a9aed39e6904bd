import type { FreshnessContext } from '../session-positions/freshness-context.ts'
import { isOnlyHeard } from '../session/heard-position.ts'
import { shows, type Bookmark } from '../session/bookmark.ts'
import type { SessionState } from '../session/session-state.ts'

/** What is asked of a primary, and what counts. */
export interface ReplacementQuestion {
  /** What a read must show; `undefined`: of what writes. */
  readonly required: { readonly bookmark: Bookmark | undefined } | undefined
  readonly server: string
  readonly machine?: string | undefined
  /** Whether what only another pool of the process has told of counts, too. */
  readonly countsHeard: boolean
}

/** Whether a primary was last on an older timeline than one that its session knows. */
export function mayBeReplaced(
  { positions }: FreshnessContext,
  session: SessionState,
  { required, server, machine, countsHeard }: ReplacementQuestion,
): boolean {
  const { awaited, isHearsay, vouched, bookmark } = session
  // What a client brings that nobody vouches for keeps nobody from writing.
  const written = isHearsay ? vouched : bookmark
  const demanded = required === undefined ? written : required.bookmark
  if ((demanded === undefined && awaited === undefined) || positions.askable(server) === 'no') return false
  const known = machine === undefined ? positions.of(server) : positions.at(server, machine)
  const isOlder = (than: Bookmark | undefined): boolean =>
    than !== undefined && shows(known, than, positions) === 'older' && (countsHeard || !isOnlyHeard(session, than))
  return isOlder(demanded) || isOlder(awaited)
}
