import type { FreshnessContext } from '../session-positions/freshness-context.ts'
import { shows, type Bookmark } from '../session/bookmark.ts'
import type { SessionState } from '../session/session-state.ts'

/**
 * Whether a primary was last on an older timeline than one that its session knows.
 *
 * @param required - what a read must show; `undefined`: of what writes.
 */
export function mayBeReplaced(
  { positions }: FreshnessContext,
  { awaited, isHearsay, vouched, bookmark }: SessionState,
  required: { readonly bookmark: Bookmark | undefined } | undefined,
  server: string,
  machine: string | undefined,
): boolean {
  // What a client brings that nobody vouches for keeps nobody from writing.
  const written = isHearsay ? vouched : bookmark
  const demanded = required === undefined ? written : required.bookmark
  if ((demanded === undefined && awaited === undefined) || positions.askable(server) === 'no') return false
  const known = machine === undefined ? positions.of(server) : positions.at(server, machine)
  const isOlder = (than: Bookmark | undefined) => than !== undefined && shows(known, than, positions) === 'older'
  return isOlder(demanded) || isOlder(awaited)
}
