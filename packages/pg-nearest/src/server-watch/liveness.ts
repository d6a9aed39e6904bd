import type { ServerEvidence } from './classify-server-error.ts'

/** Whether a server responds. Only silence makes us give up connections, and any response ends it. */
export type Liveness =
  | { readonly state: 'heard'; /** By `performance.now()`. */ readonly at: number }
  | {
      readonly state: 'silent'
      /** Milliseconds, without the time in which this process was too busy to listen. */ readonly forMs: number
    }

export type LivenessSign = ServerEvidence['contact']

/** @param waitedMs - how long nothing has come back, if nothing has. */
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

/** After this many more milliseconds without a response, in which the process was not too busy to listen. */
export function afterListening(before: Liveness, listenedMs: number): Liveness {
  return before.state === 'silent' ? { state: 'silent', forMs: before.forMs + listenedMs } : before
}
