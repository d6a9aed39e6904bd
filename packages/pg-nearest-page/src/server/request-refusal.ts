import { sameText } from './same-text.ts'

/** What of a request decides whether it is let in. */
export interface Asked {
  readonly method: string
  readonly host: string | undefined
  readonly origin: string | undefined
  /** The header `Sec-Fetch-Site`, which browsers send and pages cannot change. */
  readonly site: string | undefined
  /** The header `Sec-Fetch-Mode`. */
  readonly mode: string | undefined
  readonly contentType: string | undefined
  readonly token: string | undefined
}

export interface Policy {
  /** `host:port`, as a browser may have it in its address bar. `undefined`: whoever mounted the page has checked that. */
  readonly hosts: readonly string[] | undefined
  /** What a request must bring to change something; the page has it from its own HTML. `undefined`: nothing can be changed. */
  readonly token: string | undefined
}

export interface Refusal {
  readonly status: number
  readonly why: string
}

/**
 * Why a request is not let in, if it is not. A name that an attacker's DNS leads to this machine is told by `Host`, another page by
 * `Origin` and `Sec-Fetch-Site`, and a program that has not read the page by the token.
 */
export function refusalOf(asked: Asked, { hosts, token }: Policy): Refusal | undefined {
  if (hosts !== undefined && !hosts.includes(asked.host ?? ''))
    return { status: 421, why: 'This page answers only to its own address.' }
  if (asked.origin !== undefined && !isOwn(asked.origin, asked.host, hosts)) return OTHER_PAGE
  // A link from elsewhere may lead here; what is loaded or sent by another page may not.
  const visits = asked.mode === 'navigate' && (asked.method === 'GET' || asked.method === 'HEAD')
  if (!visits && asked.site !== undefined && asked.site !== 'same-origin' && asked.site !== 'none') return OTHER_PAGE
  if (asked.method === 'GET' || asked.method === 'HEAD') return undefined
  if (asked.method !== 'POST' || token === undefined) return { status: 405, why: 'This page is read-only.' }
  if (!sameText(asked.token ?? '', token))
    return { status: 403, why: 'The page’s token is missing or out of date: reload the page.' }
  if (asked.contentType?.split(';')[0]?.trim() !== 'application/json') return { status: 415, why: 'Send JSON.' }
  return undefined
}

const OTHER_PAGE: Refusal = { status: 403, why: 'Requests from other pages are refused.' }

function isOwn(origin: string, host: string | undefined, hosts: readonly string[] | undefined): boolean {
  const own = /^https?:\/\/(.+)$/.exec(origin)?.[1]
  return own !== undefined && (hosts === undefined ? own === host : hosts.includes(own))
}
