import { onAbort } from './on-abort.ts'

/** A signal, and what is to be called when nobody listens to it any more. */
export interface JoinedSignal {
  readonly signal: AbortSignal | undefined
  forget(): void
}

/**
 * Aborted with the first of both, and with its reason. Not `AbortSignal.any`, which leaves an entry behind on signals that live long, on Node
 * 20 for ever.
 */
export function joinSignals(one: AbortSignal | undefined, other: AbortSignal | undefined): JoinedSignal {
  if (one === undefined || other === undefined || one === other) return { signal: one ?? other, forget: nothing }
  const joined = new AbortController()
  const listenTo = (signal: AbortSignal): (() => void) => {
    if (signal.aborted) joined.abort(signal.reason)
    return onAbort(signal, () => joined.abort(signal.reason))
  }
  const forgets = [listenTo(one), listenTo(other)]
  return {
    signal: joined.signal,
    forget: () => {
      for (const forget of forgets) forget()
    },
  }
}

function nothing(): void {}
