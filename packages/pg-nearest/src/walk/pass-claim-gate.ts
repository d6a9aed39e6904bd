import type { ClaimGate, ClaimOutcome } from '../session-positions/bookmark-claims.ts'
import { onAbort } from '../limits/on-abort.ts'
import type { AttemptEnd } from './execution.ts'

type OnEnd<R> = (end: AttemptEnd<R>) => void

/** Runs an attempt if the gate lets it, and otherwise ends it when the claim has been asked about, or the signal is aborted. */
export function passClaimGate<R>(
  gate: ClaimGate,
  signal: AbortSignal | undefined,
  run: (onEnd: OnEnd<R>) => void,
  onEnd: OnEnd<R>,
): void {
  switch (gate.kind) {
    case 'free':
      return run(onEnd)
    case 'entered':
      return runInside(gate, run, onEnd)
    case 'asking':
      return awaitAnswer(gate, signal, onEnd)
  }
}

function runInside<R>(
  { leave }: Extract<ClaimGate, { kind: 'entered' }>,
  run: (onEnd: OnEnd<R>) => void,
  onEnd: OnEnd<R>,
): void {
  try {
    run((end) => {
      leave()
      onEnd(end)
    })
  } catch (error) {
    leave()
    throw error
  }
}

function awaitAnswer<R>(
  { answer, settle }: Extract<ClaimGate, { kind: 'asking' }>,
  signal: AbortSignal | undefined,
  onEnd: OnEnd<R>,
): void {
  if (signal?.aborted === true) return onEnd({ kind: 'cut', error: signal.reason })
  let over = false
  const end = (how: AttemptEnd<R>): void => {
    if (over) return
    over = true
    forget?.()
    onEnd(how)
  }
  const forget = signal && onAbort(signal, () => end({ kind: 'cut', error: signal.reason }))
  answer
    .then((said) => {
      // Not settled once it is over, because nobody would be told of what is lost.
      if (!over) end(endOf(settle(said)))
    })
    .catch((error: unknown) => end({ kind: 'cut', error }))
}

function endOf(outcome: ClaimOutcome): AttemptEnd<never> {
  if (outcome.kind === 'settled') return { kind: 'replan' }
  const evidence = { kind: 'behind', error: outcome.error } as const
  return { kind: 'failed', evidence, standby: false, forced: false, generation: undefined }
}
