import { setImmediate, setTimeout as sleep } from 'node:timers/promises'

/** What goes on until it is stopped, or its scope is left, whatever is thrown there: otherwise it would keep the process busy for ever. */
export interface Repetition extends AsyncDisposable {
  /** Ends with the turns that have begun. Rejects with what one of them has thrown. */
  stop(): Promise<void>
}

/** Does this again and again, so many times at once. Each turn lets others have theirs. */
export function repeatedly(times: number, work: () => Promise<unknown>, pauseMs = 0): Repetition {
  let over = false
  const turns = async (): Promise<void> => {
    while (!over) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      await work()
      // oxlint-disable-next-line no-await-in-loop -- as above
      await (pauseMs > 0 ? sleep(pauseMs) : setImmediate())
    }
  }
  const all = Promise.all(Array.from({ length: times }, turns))
  all.catch(() => undefined)
  return {
    async stop() {
      over = true
      await all
    },
    async [Symbol.asyncDispose]() {
      over = true
      await all.catch(() => undefined)
    },
  }
}
