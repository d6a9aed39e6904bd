import { describeValue, isPlainObject } from '../error-messages/describe-value.ts'
import { OptionError } from '../errors.ts'

/** Says of a request that it came by a redirect, so that it is not sent on again. */
const MARK = 'pg-nearest-replayed'

/** Where requests are sent to: by region, an address such as `https://nrt.example.com`. */
export type RedirectHosts = Readonly<Record<string, string>>

/** @throws OptionError for what is no object of addresses without a path */
export function checkRedirect(redirect: unknown): void {
  if (redirect === undefined) return
  const hosts = isPlainObject(redirect) ? Object.values(redirect) : []
  if (hosts.length > 0 && hosts.every(isOrigin)) return
  const what = isPlainObject(redirect) ? '' : `, but it is ${describeValue(redirect)}`
  throw new OptionError(
    'redirect',
    `redirect must be an object of regions and the addresses of the app there, without a path, such as { nrt: 'https://nrt.example.com' }${what}.`,
  )
}

function isOrigin(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { protocol, origin, href } = new URL(value)
  return (protocol === 'https:' || protocol === 'http:') && href === `${origin}/`
}

/** The same request at another host. */
export function redirectTo(host: string, url: string, from: string): string {
  const [path = ''] = pathOf(url).split('#', 1)
  // What no URL may contain, no header may either.
  const plain = path.replaceAll(/[^\u0021-\u007E]/g, encodeURIComponent)
  return `${new URL(host).origin}${plain}${plain.includes('?') ? '&' : '?'}${MARK}=${encodeURIComponent(from)}`
}

export function isRedirected(url: string): boolean {
  const [, query = ''] = pathOf(url).split(/\?(.*)/s, 2)
  return query.split(/[&#]/).some((parameter) => parameter.split('=', 1)[0] === MARK)
}

function pathOf(url: string): string {
  const path = url.replace(/^[a-z]+:\/\/[^/?#]*/i, '')
  return path.startsWith('/') ? path : `/${path}`
}
