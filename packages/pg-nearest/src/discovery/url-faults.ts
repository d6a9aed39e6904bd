import { splitUrl } from './url-parts.ts'

const encode = 'If it belongs to the user or the password, percent-encode it:'

/** What can be wrong with a URL, the most helpful message first. */
const faults: readonly (readonly [pattern: RegExp, message: string])[] = [
  [/^\s*$/, 'is empty. Is the environment variable that it comes from set?'],
  [/^["'`]|["'`]$/, 'has a quotation mark around it. Take the quotation marks off.'],
  [/\p{Cc}/u, 'holds a control character, such as a line break. Take it out.'],
  [/\s/, 'holds white space. Take it out, or percent-encode it: a space is %20.'],
  [/^(?!postgres(?:ql)?:\/\/)/i, 'does not begin with postgres:// or postgresql://.'],
  [/#/, `holds a "#", which would cut it short. ${encode} "#" is %23.`],
  [/%(?![0-9a-f]{2})/i, `holds a "%" without two hexadecimal digits behind it. ${encode} "%" is %25.`],
  [/%00/, 'holds %00, which PostgreSQL does not accept.'],
  [/^[^/]*\/\/[^/?]*\/[^?]*@/, `holds an "@" behind its first "/". ${encode} "/" is %2F and "@" is %40.`],
  [/^[^?]*\?(?:[^&]*&)*[^&=]*@/, `holds an "@" behind its "?". ${encode} "?" is %3F and "@" is %40.`],
  [/[?&]host=[^&]*(?:,|%2c)/i, severalHosts()],
]

function severalHosts(): string {
  return 'names several hosts. Give each server a URL of its own: one as primary, the others in replicas.'
}

/** The first thing that is wrong with a URL; `undefined` if pg can read it. Repeats no part of the URL. */
export function urlFault(url: string): string | undefined {
  const fault = faults.find(([pattern]) => pattern.test(url))
  if (fault !== undefined) return fault[1]
  const { host = '', port = '' } = splitUrl(url) ?? {}
  if (`${host}:${port}`.includes(',')) return severalHosts()
  if (port !== '' && !isPort(port)) {
    return (
      'has something behind its host that is no port from 1 to 65535. If it belongs to the password, percent-encode it: ' +
      '"/" is %2F and "?" is %3F. An IPv6 address stands in brackets: [fdaa::3].'
    )
  }
  return readUrl(url) === undefined
    ? 'cannot be read as a URL. If its user or password holds one of : / ? # @ % [ ], percent-encode it.'
    : undefined
}

export function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535
}

/** Parses a URL as pg does, which allows the host to be missing after a user. `undefined` if it cannot be parsed. */
export function readUrl(url: string): { readonly url: URL; readonly hostname: string } | undefined {
  if (URL.canParse(url)) {
    const read = new URL(url)
    return { url: read, hostname: read.hostname.replace(/^\[(.+)\]$/, '$1') }
  }
  const withHost = url.replace('@/', '@placeholder/')
  return URL.canParse(withHost) ? { url: new URL(withHost), hostname: '' } : undefined
}
