import { AsyncResource } from 'node:async_hooks'
import { createStallAwareClock, type StallAwareClock } from './stall-aware-clock.ts'

/** Ticks only while there is something to watch: to be woken ten times a second costs an idle process more than all else that it does. */
export interface StallAwareTicker {
  /** Begins to tick. Calling it again does nothing. */
  start(): void
  stop(): void
}

/**
 * @param onTick - is told for how many milliseconds the process has listened since the last tick. Returns whether there is more to watch;
 *   otherwise it stops.
 */
export function createStallAwareTicker(
  everyMs: number,
  onTick: (now: number, listenedMs: number) => boolean,
): StallAwareTicker {
  /** The pool's own: what is found out is told in nobody's request. */
  const context = new AsyncResource('pg-nearest')
  let timer: NodeJS.Timeout | undefined

  const stop = (): void => {
    clearInterval(timer)
    timer = undefined
  }

  const tick = (clock: StallAwareClock): void => {
    if (timer === undefined) return
    const now = performance.now()
    if (!onTick(now, clock.tick(now))) stop()
  }

  return {
    start() {
      if (timer !== undefined) return
      const clock = createStallAwareClock(everyMs, performance.now())
      // Node runs timers that are due before it reads what has arrived.
      timer = context.runInAsyncScope(() => setInterval(() => setImmediate(tick, clock), everyMs))
      timer.unref()
    },
    stop,
  }
}
