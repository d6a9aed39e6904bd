import type { Evidence } from './server-evidence.ts'

/** Whether a server is heard from. Only silence gives up connections; whatever the server says ends it. */
export type Liveness =
  | { readonly state: 'heard'; /** By `performance.now()`. */ readonly at: number }
  | { readonly state: 'silent'; /** Milliseconds in which this process could listen. */ readonly forMs: number }

export type LivenessSign = Evidence['contact']

/** @param waitedMs - for how long this process has listened in vain, where nothing came back. */
export function nextLiveness(before: Liveness, sign: LivenessSign, now: number, waitedMs: number): Liveness {
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
export function afterListening(before: Liveness, listenedMs: number): Liveness {
  return before.state === 'silent' ? { state: 'silent', forMs: before.forMs + listenedMs } : before
}
