const MOST = 200
/** Parts of a path that name one of many: numbers, UUIDs, and whatever has several digits in it. */
const ONE_OF_MANY = /^(?:\d+|[\da-f]{8}-[\da-f-]{27}|(?=(?:.*\d){3}).{8,})$/i

/** Without scheme, host and query. */
export function plainPathOf(url: string): string {
  const [path = ''] = url.replace(/^[a-z]+:\/\/[^/?#]*/i, '').split(/[?#]/, 1)
  return path === '' ? '/' : path
}

/** The requests that are taken to cost the same: those of a method and a path, whichever thing the path names. */
export function routeKey(method: string, path: string): string {
  // The digits of a percent-encoded letter count for none.
  const parts = path.split('/').map((part) => (ONE_OF_MANY.test(part.replaceAll(/%[\da-f]{2}/gi, '_')) ? ':id' : part))
  return `${method} ${parts.join('/')}`.slice(0, MOST)
}
