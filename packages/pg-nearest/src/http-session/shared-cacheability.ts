import { lines, type HeaderValue } from './cookie.ts'

type GetHeader = (name: string) => HeaderValue

/**
 * What shared caches, which answer several clients with one response, may do with a response (RFC 9111, sections 3 and 5.2.2).
 *
 * - `offered`: the app wants them to store it.
 * - `excluded`: they may not store it, or not those of its headers that are about one client.
 * - `unmentioned`: the app has not asked for it, but a cache may store it by its own rules.
 *
 * `Vary` is of no consequence: it says which requests a stored response answers, and not who may store it.
 */
export type SharedCaching = 'offered' | 'excluded' | 'unmentioned'

/** For caches of a certain kind alone; to those they count more than Cache-Control (RFC 9213). */
const TARGETED = [
  'cdn-cache-control',
  'cloudflare-cdn-cache-control',
  'netlify-cdn-cache-control',
  'vercel-cdn-cache-control',
  'surrogate-control',
]
const LIFETIMES = ['s-maxage', 'max-age', 'stale-while-revalidate', 'stale-if-error']

/** @param fields - The headers that are about one client alone, in lower case. */
export function sharedCaching(get: GetHeader, fields: readonly string[], now: number): SharedCaching {
  const general = parseDirectives(get('cache-control'))
  const targeted = TARGETED.map((name) => parseDirectives(get(name)))
  if (targeted.some((directives) => isOffered(directives) && !leavesOut(directives, fields))) return 'offered'
  if (isForbidden(general) || leavesOut(general, fields)) return 'excluded'
  const isByDate = !general.has('max-age') && !general.has('s-maxage') && isFuture(get('expires'), now)
  return isByDate || isOffered(general) ? 'offered' : 'unmentioned'
}

type Directives = ReadonlyMap<string, string | undefined>

/** Names in lower case, with their values. Commas that are missing are of no consequence. */
function parseDirectives(header: HeaderValue): Directives {
  const found = lines(header)
    .join(', ')
    .matchAll(/([\w-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,;]*)))?/g)
  return new Map(Array.from(found, ([, name = '', quoted, plain]) => [name.toLowerCase(), quoted ?? plain]))
}

function isForbidden(directives: Directives): boolean {
  return directives.has('no-store') || (directives.has('private') && directives.get('private') === undefined)
}

function isOffered(directives: Directives): boolean {
  if (isForbidden(directives)) return false
  if (directives.has('public') || directives.has('immutable')) return true
  return LIFETIMES.some((name) => Number.parseInt(directives.get(name) ?? '', 10) > 0)
}

/** `private="set-cookie"`: the response may be kept, but without this header. */
function leavesOut(directives: Directives, fields: readonly string[]): boolean {
  const names = [directives.get('private'), directives.get('no-cache')].flatMap((value) => value?.split(',') ?? [])
  const leftOut = new Set(names.map((name) => name.trim().toLowerCase()))
  return fields.every((field) => leftOut.has(field))
}

function isFuture(expires: HeaderValue, now: number): boolean {
  return lines(expires).some((line) => Date.parse(line) > now)
}
