import { createHash } from 'node:crypto'
import { describeValue } from '../error-messages/describe-value.ts'
import { OptionError } from '../errors.ts'
import { laterBookmark } from '../session/bookmark.ts'
import { isUnknownBookmark, mergeBookmarks, UNKNOWN_BOOKMARK } from '../session/merge-bookmarks.ts'
import type { SessionState } from '../session/session-state.ts'
import type { Servers } from '../servers/servers.ts'
import type { PoolParts } from '../routed-pool/routed-pool.ts'
import { bookmarkOf, newSessionState, positionIn, Session } from './session.ts'

const LONGEST_KEY = 512

/** See `NearestPool.sharedSession`. */
export async function runShared<T>(parts: PoolParts, key: string, work: () => T | Promise<T>): Promise<T> {
  checkKey(key)
  const { servers } = parts
  const outer = servers.engine.currentSession()
  const kept = await beginningOf(servers, key)
  const bookmark = mergeBookmarks([kept, outer && bookmarkOf(outer, servers)])
  // What the caller's session only claims to have seen stays a claim.
  const trusted = bookmark === kept || outer === undefined || outer.trusted || !(outer.isHearsay || outer.unreadable)
  const { consistency, lot } = outer ?? {}
  const saved = positionIn(kept)
  // What the caller's session had from the store stands in this one, too, when the claim falls.
  const own = saved === undefined ? outer?.vouched : laterBookmark(outer?.vouched, saved)
  const vouched = trusted ? undefined : own
  const state = newSessionState({ bookmark, trusted, vouched, consistency, route: lot?.route }, drawOf(key))
  const session = new Session(parts, state)
  try {
    return await session.run(work)
  } finally {
    await keep(servers, session, state, key, bookmark)
    if (outer !== undefined) goOn(outer, state)
  }
}

/** Without a store nobody knows what others have written, unless there is one database. */
async function beginningOf({ bookmarkStore, engine }: Servers, key: string): Promise<string | undefined> {
  if (bookmarkStore !== undefined) return bookmarkStore.get(key)
  return engine.process === undefined ? undefined : UNKNOWN_BOOKMARK
}

/** Puts what was written before the caller is told; what was only seen, by and by. */
async function keep(
  servers: Servers,
  session: Session,
  state: SessionState,
  key: string,
  before: string | undefined,
): Promise<void> {
  const { bookmarkStore } = servers
  if (bookmarkStore === undefined) return
  if (state.wrote && isUnknownBookmark(bookmarkOf(state, servers))) await settle(session)
  const told = bookmarkOf(state, servers)
  const isUnknown = isUnknownBookmark(told)
  // Whoever gets it from the store trusts it.
  const bookmark = isUnknown && state.isHearsay ? UNKNOWN_BOOKMARK : told
  // A known position that the store had is there; an unknown one may be another.
  if (bookmark === undefined || (bookmark === before && !isUnknown)) return
  if (state.wrote) return bookmarkStore.put(key, bookmark)
  // A position that nobody has written in it, and that is not known, is nothing to keep.
  if (!isUnknown) void bookmarkStore.put(key, bookmark)
}

/** The primary tells a position that covers what was written at an unknown one; if it cannot, others have to ask it. */
async function settle(session: Session): Promise<void> {
  await session.query({ text: 'select 1', timeoutMs: SETTLE_MS }).catch(() => undefined)
}

const SETTLE_MS = 2_000

/** The caller's own session has seen what the shared one has. */
function goOn(outer: SessionState, state: SessionState): void {
  if (state.unavailable) outer.noteUnavailable()
  if (state.wrote) outer.noteWrite()
  const now = performance.now()
  // What nobody vouches for, and no server has shown, is the caller's own claim, or none any more.
  const { bookmark } = outer
  const isRefuted = state.isHearsay && !(outer.isHearsay && bookmark !== undefined && state.isClaim(bookmark))
  if (state.blind || state.home !== undefined || isRefuted) {
    outer.markUnknown(now)
    if (state.timeline !== undefined && !state.isHearsay) outer.awaitTimeline(state.timeline, now, now)
  } else if (state.bookmark !== undefined) outer.showOfAnother(state.bookmark, outer.bookmark, now)
  if (state.wrote) outer.onWrite?.()
}

/** The same for all processes, so that a key is always in the same mode. */
function drawOf(key: string): number {
  return createHash('sha256').update(key).digest().readUInt32BE(0) / 2 ** 32
}

function checkKey(key: unknown): void {
  if (typeof key === 'string' && key !== '' && key.length <= LONGEST_KEY) return
  throw new OptionError(
    'key',
    `The key of a shared session must be a text of 1 to ${LONGEST_KEY} characters, but it is ${describeValue(key)}.`,
  )
}
