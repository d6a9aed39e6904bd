/**
 * Keeps bookmarks under keys of the app, for all of its processes: `pg-nearest/redis`, `pg-nearest/bookmark-table`, or one of your own.
 * What takes too long, fails or is no bookmark makes a session ask the primary, and is told by the event `store`.
 */
export interface BookmarkStore {
  /**
   * The latest bookmark of a key. `undefined` or `null`: nothing that a replica might not show yet was put there. `'unknown'`: something may
   * have been, so that the primary is asked: a store that has lost what it kept must say so.
   */
  get(key: string, signal: AbortSignal): Promise<string | null | undefined>
  /**
   * Keeps a bookmark, unless a later one of this key is there. Two processes may do so at once, in any order: so what compares must also
   * write. What begins with `unknown` must be kept beside it, and counts more, for as long as bookmarks are kept: `unknown-…` tells, besides, from
   * which timeline on a primary shows it, so that the last such text should be what `get` answers. A store that cannot tell which of two is
   * later must answer `'unknown'` for as long, too: bookmarks of two clusters, and of positions and times, cannot be compared.
   */
  put(key: string, bookmark: string, signal: AbortSignal): Promise<void>
}

export function isBookmarkStore(value: unknown): value is BookmarkStore {
  if (typeof value !== 'object' || value === null) return false
  return ['get', 'put'].every((name) => typeof Reflect.get(value, name) === 'function')
}
