import type { ParsedHttpOptions } from './options.ts'

/** A header as frameworks pass it: a list if it came more than once. */
export type HeaderValue = string | readonly string[] | null | undefined

export interface Cookie {
  readonly name: string
  readonly value: string
}

/** Every cookie of a `Cookie` header, in its order. Never throws. */
export function parseCookies(header: HeaderValue): Cookie[] {
  return lines(header)
    .flatMap((line) => line.split(';'))
    .map((pair) => pair.trim())
    .flatMap((pair) => {
      const equals = pair.indexOf('=')
      return equals < 1 ? [] : { name: pair.slice(0, equals), value: pair.slice(equals + 1).trim() }
    })
}

/** The lines of a header that came once, several times, or not at all. */
export function lines(header: HeaderValue): string[] {
  const all: unknown[] = Array.isArray(header) ? header : [header]
  return all.filter((line) => typeof line === 'string')
}

type Attributes = Pick<ParsedHttpOptions, 'path' | 'domain' | 'sameSite'> & {
  readonly secure: boolean
  /** 0 removes the cookie. */
  readonly maxAgeSeconds: number
}

/**
 * A `Set-Cookie` header. The value is written as it is. A browser removes a cookie only if name, path and domain are those
 * that it was set with, so both are written by this one function.
 */
export function formatCookie({ name, value }: Cookie, attributes: Attributes): string {
  const { path, domain, sameSite, secure, maxAgeSeconds } = attributes
  return [
    `${name}=${value}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    `Path=${path}`,
    `Max-Age=${maxAgeSeconds}`,
    'HttpOnly',
    `SameSite=${sameSite}`,
    ...(secure ? ['Secure'] : []),
  ].join('; ')
}
