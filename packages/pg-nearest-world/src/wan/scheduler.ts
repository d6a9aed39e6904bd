import { createAlarm, type Alarm } from './alarm.ts'

/** Runs functions at given times (milliseconds of `performance.now()`), accurate to a fraction of a millisecond, or to half a percent of the time until then. */
export interface Scheduler {
  /** Resolves when it is that accurate. */
  readonly ready: Promise<void>
  now(): number
  at(due: number, run: () => void): void
  /** Cancels everything that has not run. */
  stop(): void
}

interface ScheduledCall {
  readonly due: number
  /** When the alarm is set for it. */
  readonly wakeAt: number
  readonly run: () => void
}

/**
 * It takes a moment to be woken, on a slow machine a longer one. So the alarm is set as much early as it was late of late, within these bounds, and
 * setImmediate polls for the rest, which costs the processor as long.
 */
const EARLY_MS = 0.3
const EARLIEST_MS = 1
/** By how much each alarm changes that: one that was late by more, and one that was not. */
const LATE_STEP_MS = 0.05
const IN_TIME_STEP_MS = 0.01
/** Whatever is so far away is woken for in time: that moment is half a percent of it, which nobody notices. */
const NOT_EARLY_MS = 60

export function createScheduler(alarmFor: (ring: () => void) => Alarm = createAlarm): Scheduler {
  /** Sorted by time, the next one last. */
  const calls: ScheduledCall[] = []
  let turn: NodeJS.Immediate | undefined
  let earlyMs = EARLY_MS
  let alarmAt: number | undefined

  const runDue = (): void => {
    turn = undefined
    for (let next = calls.at(-1); next !== undefined && next.due <= performance.now(); next = calls.at(-1)) {
      calls.pop()
      next.run()
    }
    wait()
  }

  const wait = (): void => {
    const next = calls.at(-1)
    if (next === undefined || turn !== undefined) return
    if (next.wakeAt <= performance.now()) turn = setImmediate(runDue)
    else alarm.set((alarmAt = next.wakeAt))
  }

  const alarm = alarmFor(() => {
    if (alarmAt !== undefined) learn(performance.now() - alarmAt)
    alarmAt = undefined
    turn ??= setImmediate(runDue)
  })

  const learn = (lateMs: number): void => {
    const step = lateMs > earlyMs ? LATE_STEP_MS : -IN_TIME_STEP_MS
    earlyMs = Math.min(EARLIEST_MS, Math.max(EARLY_MS, earlyMs + step))
  }

  return {
    ready: alarm.ready,
    now: () => performance.now(),
    at(due, run) {
      const place = placeFor(calls, due)
      const aheadMs = due - performance.now()
      calls.splice(place, 0, { due, wakeAt: due - earlyMs * Math.max(0, 1 - aheadMs / NOT_EARLY_MS), run })
      if (place === calls.length - 1) wait()
    },
    stop() {
      calls.length = 0
      alarm.stop()
      clearImmediate(turn)
      turn = undefined
    },
  }
}

/** In front of calls due at the same time or earlier, so that calls due at the same time run in the order of `at`. */
function placeFor(calls: readonly ScheduledCall[], due: number): number {
  let low = 0
  let high = calls.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((calls[middle]?.due ?? 0) > due) low = middle + 1
    else high = middle
  }
  return low
}
