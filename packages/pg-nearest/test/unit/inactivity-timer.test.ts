import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createInactivityTimer, type InactivityTimer } from '../../src/servers/inactivity-timer.ts'

let told: string[]
const create = (afterMs: number): InactivityTimer => {
  told = []
  return createInactivityTimer({ afterMs, onQuiet: () => told.push('quiet'), onWake: () => told.push('wake') })
}
const use = (timer: InactivityTimer): void => {
  timer.begin()
  timer.end()
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

test('a pool that nobody uses goes quiet once, and then has no timer', () => {
  const timer = create(1_000)
  vi.advanceTimersByTime(999)
  expect(timer.quiet).toBe(false)
  vi.advanceTimersByTime(1)
  expect(timer.quiet).toBe(true)
  expect(vi.getTimerCount()).toBe(0)
  vi.advanceTimersByTime(10_000)
  expect(told).toEqual(['quiet'])
})

test('it counts from the end of the last use', () => {
  const timer = create(1_000)
  for (let i = 0; i < 20; i++) {
    vi.advanceTimersByTime(900)
    use(timer)
  }
  timer.begin()
  timer.begin()
  vi.advanceTimersByTime(5_000)
  timer.end()
  vi.advanceTimersByTime(5_000)
  expect(told).toEqual([])
  timer.end()
  vi.advanceTimersByTime(999)
  expect(told).toEqual([])
  vi.advanceTimersByTime(1)
  expect(told).toEqual(['quiet'])
})

test('the next use wakes it, and it goes quiet again', () => {
  const timer = create(1_000)
  vi.advanceTimersByTime(5_000)
  use(timer)
  expect(timer.quiet).toBe(false)
  vi.advanceTimersByTime(1_000)
  expect(told).toEqual(['quiet', 'wake', 'quiet'])
})

test('a process that was frozen wakes with the next use, because its timer has not run', () => {
  const timer = create(1_000)
  use(timer)
  vi.setSystemTime(Date.now() + 3_600_000)
  use(timer)
  expect(told).toEqual(['quiet', 'wake'])
})

test('what follows a long use at once does not find it quiet, unless the machine has slept in between', () => {
  const timer = create(1_000)
  timer.begin()
  vi.advanceTimersByTime(5_000)
  timer.end()
  use(timer)
  expect(told).toEqual([])
  timer.begin()
  vi.advanceTimersByTime(5_000)
  timer.end()
  vi.setSystemTime(Date.now() + 3_600_000)
  use(timer)
  expect(told).toEqual(['quiet', 'wake'])
})

test('a clock that is set back changes nothing', () => {
  const timer = create(1_000)
  use(timer)
  vi.setSystemTime(Date.now() - 3_600_000)
  vi.advanceTimersByTime(1_000)
  expect(timer.quiet).toBe(true)
})

test('never is never', () => {
  const timer = create(Number.POSITIVE_INFINITY)
  expect(vi.getTimerCount()).toBe(0)
  vi.setSystemTime(Date.now() + 3_600_000_000)
  use(timer)
  expect(told).toEqual([])
})

test('one that was stopped tells nothing any more', () => {
  const timer = create(1_000)
  timer.stop()
  use(timer)
  vi.advanceTimersByTime(5_000)
  expect(told).toEqual([])
  expect(vi.getTimerCount()).toBe(0)
})
