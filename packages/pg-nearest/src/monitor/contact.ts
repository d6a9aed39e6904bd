import type { Evidence } from './evidence.ts'

/** Whether a server is heard from. Only silence gives up connections; whatever the server says ends it. */
export type Contact =
  | { readonly state: 'heard'; /** By `performance.now()`. */ readonly at: number }
  | { readonly state: 'silent'; /** Milliseconds in which this process could listen. */ readonly forMs: number }

export type ContactSign = Evidence['contact']

/** @param waitedMs - for how long this process has listened in vain, where nothing came back. */
export function nextContact(before: Contact, sign: ContactSign, now: number, waitedMs: number): Contact {
  switch (sign) {
    case 'word':
      return { state: 'heard', at: now }
    case 'nothing':
      return { state: 'silent', forMs: Math.max(waitedMs, before.state === 'silent' ? before.forMs : 0) }
    case 'unclear':
      return before
  }
}

/** After so much more time in which this process could listen, and nothing came. */
export function afterListening(before: Contact, listenedMs: number): Contact {
  return before.state === 'silent' ? { state: 'silent', forMs: before.forMs + listenedMs } : before
}
