import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createClock } from '../../src/wan/clock.ts'

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance'],
    now: 0,
  })
})
afterEach(() => {
  vi.useRealTimers()
})

test('everything runs when it is due, the earlier first, and equals in the order of asking', async () => {
  const clock = createClock()
  const start = clock.now()
  const ran: string[] = []
  const at = (name: string, ms: number): void =>
    clock.at(start + ms, () => {
      expect(clock.now()).toBeGreaterThanOrEqual(start + ms)
      expect(clock.now()).toBeLessThan(start + Math.max(ms, 0) + 2)
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
  const clock = createClock()
  const ran: number[] = []
  clock.at(clock.now() + 5, () => {
    ran.push(1)
    clock.at(clock.now() + 20, () => ran.push(3))
    clock.at(clock.now(), () => ran.push(2))
  })
  await vi.advanceTimersByTimeAsync(15)
  expect(ran).toEqual([1, 2])
  await vi.advanceTimersByTimeAsync(30)
  expect(ran).toEqual([1, 2, 3])
})

test('a stopped clock forgets, and leaves no timer behind', async () => {
  const clock = createClock()
  const ran: number[] = []
  clock.at(clock.now() + 5, () => ran.push(1))
  clock.at(clock.now() + 1_000, () => ran.push(2))
  clock.stop()
  expect(vi.getTimerCount()).toBe(0)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(ran).toEqual([])
})
