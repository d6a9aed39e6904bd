import { sameText } from './same-text.ts'

/**
 * Whether somebody who is not on this machine is let in.
 *
 * - `in`: his browser has brought the key as a cookie.
 * - `arrives`: he has the address that was printed, with the key in it, and is given the cookie.
 * - `out`: he has neither.
 */
export type Admission = 'in' | 'arrives' | 'out'

export interface Visitor {
  readonly method: string
  /** Of the request, such as `/?key=…`. */
  readonly url: string
  /** The header `Cookie`. */
  readonly cookies: string | undefined
}

export interface Gate {
  /** The name of the cookie. */
  readonly name: string
  readonly key: string
}

export function admissionOf({ method, url, cookies }: Visitor, { name, key }: Gate): Admission {
  if (cookieOf(cookies, name).some((given) => sameText(given, key))) return 'in'
  const [path, query = ''] = url.split('?', 2)
  if (method !== 'GET' || path !== '/') return 'out'
  return sameText(new URLSearchParams(query).get('key') ?? '', key) ? 'arrives' : 'out'
}

/** A browser sends those of several paths, and any other program whatever it likes. */
function cookieOf(header: string | undefined, name: string): readonly string[] {
  return (header ?? '').split(';').flatMap((pair) => {
    const [given, ...value] = pair.trim().split('=')
    return given === name ? [value.join('=')] : []
  })
}
