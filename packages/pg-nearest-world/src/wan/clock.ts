/** Calls back at a moment, in milliseconds of `performance.now()`, within a fraction of a millisecond. */
export interface Clock {
  now(): number
  at(due: number, run: () => void): void
  /** Forgets what is still to come. */
  stop(): void
}

interface Appointment {
  readonly due: number
  readonly run: () => void
}

/** Node's timers are late by a millisecond or more: they wake the clock this early, and the rest is waited for in turns. */
const EARLY_MS = 1.5

export function createClock(): Clock {
  /** Sorted, the next one last. */
  const appointments: Appointment[] = []
  let timer: NodeJS.Timeout | undefined
  let turn: NodeJS.Immediate | undefined

  const runDue = (): void => {
    turn = undefined
    for (
      let next = appointments.at(-1);
      next !== undefined && next.due <= performance.now();
      next = appointments.at(-1)
    ) {
      appointments.pop()
      next.run()
    }
    wait()
  }

  const wait = (): void => {
    const next = appointments.at(-1)
    clearTimeout(timer)
    timer = undefined
    if (next === undefined || turn !== undefined) return
    const early = next.due - performance.now() - EARLY_MS
    if (early < 1) turn = setImmediate(runDue)
    else timer = setTimeout(runDue, Math.floor(early))
  }

  return {
    now: () => performance.now(),
    at(due, run) {
      const place = placeFor(appointments, due)
      appointments.splice(place, 0, { due, run })
      if (place === appointments.length - 1) wait()
    },
    stop() {
      appointments.length = 0
      clearTimeout(timer)
      clearImmediate(turn)
      turn = undefined
    },
  }
}

/** Before those that are due no later, so that equals run in the order in which they were made. */
function placeFor(appointments: readonly Appointment[], due: number): number {
  let low = 0
  let high = appointments.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((appointments[middle]?.due ?? 0) > due) low = middle + 1
    else high = middle
  }
  return low
}
