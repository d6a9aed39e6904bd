import { createHash, randomBytes } from 'node:crypto'
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
 * The cookie of one response that may set it again, with another value, before it goes out: its name stands for the response. It is in the
 * value, too, by which it is known.
 */
export function responseCookie(base: string, value: string, response: string): Cookie {
  return { name: `${base}.${response}`, value: `${value}~${response}` }
}

/** A text that is different for each response. */
export function newResponseName(): string {
  return randomBytes((HASH_LENGTH * 3) / 4).toString('base64url')
}

/**
 * Whether a request's cookie carries a bookmark. Earlier builds used the plain name. A cookie of another application with a similar
 * name (`pg-nearest.settings`) has the wrong hash.
 */
export function isBookmarkCookie(base: string, { name, value }: Cookie): boolean {
  if (name === base) return value !== ''
  if (name.length !== base.length + 1 + HASH_LENGTH || !name.startsWith(`${base}.`)) return false
  const own = name.slice(base.length + 1)
  return own === hashOf(value) || value.endsWith(`~${own}`)
}

/** The bookmark that such a cookie carries. */
export function bookmarkIn({ name, value }: Cookie): string {
  const response = `~${name.slice(-HASH_LENGTH)}`
  return value.endsWith(response) ? value.slice(0, -response.length) : value
}

function hashOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url').slice(0, HASH_LENGTH)
}
