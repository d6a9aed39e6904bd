import { createHash } from 'node:crypto'
import type { Cookie } from './cookie.ts'

const HASH_LENGTH = 8

/**
 * The cookie for a value. Its name contains a hash of the value, so that a cookie is never overwritten with another value: responses
 * that arrive in the wrong order can both add their cookie.
 */
export function bookmarkCookie(base: string, value: string): Cookie {
  return { name: `${base}.${hashOf(value)}`, value }
}

/**
 * Whether a request's cookie carries a bookmark. Earlier builds used the plain name. A cookie of another application with a similar
 * name (`pg-nearest.settings`) has the wrong hash.
 */
export function isBookmarkCookie(base: string, { name, value }: Cookie): boolean {
  if (name === base) return value !== ''
  return (
    name.length === base.length + 1 + HASH_LENGTH &&
    name.startsWith(`${base}.`) &&
    name.slice(base.length + 1) === hashOf(value)
  )
}

function hashOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url').slice(0, HASH_LENGTH)
}
