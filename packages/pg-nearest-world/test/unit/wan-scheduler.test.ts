import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Alarm } from '../../src/wan/alarm.ts'
import { createScheduler } from '../../src/wan/scheduler.ts'

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'],
    now: 0,
  })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Rings when the faked time has come. */
function fakeAlarm(ring: () => void): Alarm {
  let timer: NodeJS.Timeout | undefined
  return {
    ready: Promise.resolve(),
    set(due) {
      clearTimeout(timer)
      timer = setTimeout(ring, due - performance.now())
    },
    stop: () => clearTimeout(timer),
  }
}

test('everything runs when it is due, the earlier first, and equals in the order of asking', async () => {
  const scheduler = createScheduler(fakeAlarm)
  const start = scheduler.now()
  const ran: string[] = []
  const at = (name: string, ms: number): void =>
    scheduler.at(start + ms, () => {
      expect(scheduler.now()).toBeGreaterThanOrEqual(start + ms)
      expect(scheduler.now()).toBeLessThan(start + Math.max(ms, 0) + 2)
      ran.push(name)
    })
  at('c', 50)
  at('a', 10)
  at('d', 50)
  at('b', 10.5)
  at('past', -5)
  await vi.advanceTimersByTimeAsync(100)
  expect(ran).toEqual(['past', 'a', 'b', 'c', 'd'])
  expect(vi.getTimerCount()).toBe(0)
})

test('what is asked for while another one runs is not forgotten', async () => {
  const scheduler = createScheduler(fakeAlarm)
  const ran: number[] = []
  scheduler.at(scheduler.now() + 5, () => {
    ran.push(1)
    scheduler.at(scheduler.now() + 20, () => ran.push(3))
    scheduler.at(scheduler.now(), () => ran.push(2))
  })
  await vi.advanceTimersByTimeAsync(15)
  expect(ran).toEqual([1, 2])
  await vi.advanceTimersByTimeAsync(30)
  expect(ran).toEqual([1, 2, 3])
})

test('a stopped scheduler forgets, and leaves no timer behind', async () => {
  const scheduler = createScheduler(fakeAlarm)
  const ran: number[] = []
  scheduler.at(scheduler.now() + 5, () => ran.push(1))
  scheduler.at(scheduler.now() + 1_000, () => ran.push(2))
  scheduler.stop()
  expect(vi.getTimerCount()).toBe(0)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(ran).toEqual([])
})

test('an alarm that rings late is set earlier and earlier, within bounds, and later again when it rings in time', async () => {
  let lateMs = 5
  const setFor: number[] = []
  const scheduler = createScheduler((ring) => {
    const alarm = fakeAlarm(ring)
    const set = (due: number): void => {
      setFor.push(due)
      alarm.set(due + lateMs)
    }
    return { ...alarm, set }
  })
  const earlyMs = async (packets: number): Promise<number[]> => {
    const early: number[] = []
    for (let i = 0; i < packets; i++) {
      const due = scheduler.now() + 10
      scheduler.at(due, () => undefined)
      early.push(due - (setFor.at(-1) ?? due))
      await vi.advanceTimersByTimeAsync(20)
    }
    return early
  }
  const late = await earlyMs(40)
  expect(late[0]).toBeCloseTo(0.25)
  expect(late.at(-1)).toBeCloseTo(0.83, 1)
  expect(late).toEqual(late.toSorted((a, b) => a - b))
  lateMs = 0
  expect((await earlyMs(200)).at(-1)).toBeCloseTo(0.25)
})
