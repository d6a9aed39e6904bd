import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createStallAwareTicker } from '../../src/monitor/stall-aware-ticker.ts'

const EVERY_MS = 100

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('it ticks for as long as there is something to watch, and again once it is started anew', () => {
  let more = true
  const listened: number[] = []
  const ticker = createStallAwareTicker(EVERY_MS, (_, listenedMs) => {
    listened.push(listenedMs)
    return more
  })
  vi.advanceTimersByTime(1_000)
  expect(listened).toEqual([])
  ticker.start()
  ticker.start()
  vi.advanceTimersByTime(3 * EVERY_MS + 1)
  more = false
  vi.advanceTimersByTime(EVERY_MS)
  expect(listened).toEqual([100, 100, 100, 100])
  expect(vi.getTimerCount()).toBe(0)
  vi.advanceTimersByTime(10_000)
  ticker.start()
  vi.advanceTimersByTime(EVERY_MS + 1)
  expect(listened, 'the time without ticks does not count').toEqual([100, 100, 100, 100, 100])
})

test('what stops it ends it at once', () => {
  let ticks = 0
  const ticker = createStallAwareTicker(EVERY_MS, () => ++ticks > 0)
  ticker.start()
  vi.advanceTimersByTime(EVERY_MS + 1)
  ticker.stop()
  vi.advanceTimersByTime(10 * EVERY_MS)
  expect([ticks, vi.getTimerCount()]).toEqual([1, 0])
})

test('it runs in nobody’s request', () => {
  const requests = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const ticker = createStallAwareTicker(EVERY_MS, () => seen.push(requests.getStore()) < 2)
  requests.run('a request', () => ticker.start())
  vi.advanceTimersByTime(3 * EVERY_MS)
  expect(seen).toEqual([undefined, undefined])
})
