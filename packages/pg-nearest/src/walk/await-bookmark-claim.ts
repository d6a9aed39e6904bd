import type { ClaimGate, ClaimOutcome } from '../session-positions/external-bookmark-gate.ts'
import { onAbort } from '../limits/on-abort.ts'
import type { AttemptEnd, Turn } from './execution-types.ts'

/**
 * Runs an attempt if the gate lets it, and otherwise ends it when the claim has been asked about, or the signal is aborted.
 *
 * @param endMeanwhile - how it has ended otherwise while it waited for the answer; `undefined`: not at all.
 */
export function awaitBookmarkClaim<R>(
  gate: ClaimGate,
  signal: AbortSignal | undefined,
  turn: Turn<R>,
  run: (turn: Turn<R>) => void,
  endMeanwhile?: () => AttemptEnd<R> | undefined,
): void {
  switch (gate.kind) {
    case 'free':
      return run(turn)
    case 'entered':
      return runInside(gate, turn, run)
    case 'asking':
      return awaitAnswer(gate, signal, turn, endMeanwhile)
  }
}

function runInside<R>(
  { leave }: Extract<ClaimGate, { kind: 'entered' }>,
  turn: Turn<R>,
  run: (turn: Turn<R>) => void,
): void {
  try {
    run({
      hasNext: turn.hasNext,
      admit: (provenStandby) => turn.admit(provenStandby),
      end(end) {
        leave()
        turn.end(end)
      },
    })
  } catch (error) {
    leave()
    throw error
  }
}

function awaitAnswer<R>(
  { answer, settle }: Extract<ClaimGate, { kind: 'asking' }>,
  signal: AbortSignal | undefined,
  turn: Turn<R>,
  endMeanwhile?: () => AttemptEnd<R> | undefined,
): void {
  if (signal?.aborted === true) return turn.end({ kind: 'cut', error: signal.reason })
  let over = false
  const end = (how: AttemptEnd<R>): void => {
    if (over) return
    over = true
    forget?.()
    turn.end(how)
  }
  const forget = signal && onAbort(signal, () => end({ kind: 'cut', error: signal.reason }))
  answer
    .then((said) => {
      // Not settled once it is over, because nobody would be told of what is lost.
      if (!over) end(endMeanwhile?.() ?? endOf(settle(said)))
    })
    .catch((error: unknown) => end({ kind: 'cut', error }))
}

function endOf(outcome: ClaimOutcome): AttemptEnd<never> {
  if (outcome.kind === 'settled') return { kind: 'replan' }
  const evidence = { kind: 'behind', error: outcome.error } as const
  return { kind: 'failed', evidence, standby: false, forced: false, generation: undefined }
}
