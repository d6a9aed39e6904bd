import type { ParsedHttpOptions } from './options.ts'

/** A header as the frameworks hand it out: a list where it came more than once. */
export type HeaderValue = string | readonly string[] | null | undefined

/** Every value that a `Cookie` header has under this name, in its order. Never throws. */
export function cookieValues(header: HeaderValue, name: string): string[] {
  return lines(header)
    .flatMap((line) => line.split(';'))
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1).trim())
}

/** The lines of a header that came once, several times, or not at all. */
export function lines(header: HeaderValue): string[] {
  const all: unknown[] = Array.isArray(header) ? header : [header]
  return all.filter((line) => typeof line === 'string')
}

type Attributes = Pick<ParsedHttpOptions, 'cookie' | 'path' | 'domain' | 'sameSite'> & {
  readonly secure: boolean
  /** 0 removes it. */
  readonly maxAgeSeconds: number
}

/** A `Set-Cookie` header. The value is written as it is. */
export function formatCookie(value: string, attributes: Attributes): string {
  const { cookie, path, domain, sameSite, secure, maxAgeSeconds } = attributes
  return [
    `${cookie}=${value}`,
    ...(domain === undefined ? [] : [`Domain=${domain}`]),
    `Path=${path}`,
    `Max-Age=${maxAgeSeconds}`,
    'HttpOnly',
    `SameSite=${sameSite}`,
    ...(secure ? ['Secure'] : []),
  ].join('; ')
}
