import type { ListState } from '../failures/no-server-error.ts'
import { onAbort } from '../limits/on-abort.ts'

/** The first list that the option `servers` gives: until it has come, a server that cannot be reached proves little. */
export interface FirstList {
  readonly state: ListState
  /** A list has come. */
  came(): void
  /** The function has failed. What waits does so in vain. */
  failed(): void
  /** Resolves with `true` when it comes, or `other` does with `true`; with `false` when it fails, after `withinMs`, and on abort. */
  orElse(other: Promise<boolean>, withinMs: number, signal: AbortSignal | undefined): Promise<boolean>
}

/** @param expected - whether there is such a function. */
export function createFirstList(expected: boolean): FirstList {
  let state: ListState = expected ? 'awaited' : 'known'
  const waiting = new Set<(came: boolean) => void>()
  const settle = (now: ListState): void => {
    state = now
    for (const each of waiting) each(now === 'known')
  }
  return {
    get state() {
      return state
    },
    came() {
      if (state !== 'known') settle('known')
    },
    failed() {
      if (state === 'awaited') settle('failed')
    },
    orElse: (other, withinMs, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true || withinMs <= 0) return resolve(false)
        const giveUp = (): void => end(false)
        const timer = setTimeout(giveUp, withinMs)
        const end = (found: boolean): void => {
          clearTimeout(timer)
          waiting.delete(end)
          forget?.()
          resolve(found)
        }
        const forget = signal && onAbort(signal, giveUp)
        waiting.add(end)
        void other.then((found) => found && end(true))
      }),
  }
}
