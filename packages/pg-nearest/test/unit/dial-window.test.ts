import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DialWindow } from '../../src/connecting/dial-window.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** `10-`: one of ten that are dialled is not taken in time; `3*10-`: three of them, dialled together; `+`: one connects. */
test.each<[happens: string, size: number]>([
  ['', Infinity],
  ['+', Infinity],
  ['10-', 5],
  ['10- 5-', 2],
  ['10- 5- 2-', 1],
  ['10- 5- 2- 1-', 1],
  ['1-', 1],
  ['3*10-', 5],
  ['10*10- 5*5-', 2],
  ['10- +', 6],
  ['10- + +', 7],
  ['2- + 2-', 1],
  // Fewer than it lets were dialled, and the server did not take even those.
  ['10- + 4-', 2],
])('%j: as many as %d', (happens, size) => {
  const window = new DialWindow()
  for (const each of happens.split(' ')) {
    if (each === '+') window.connected()
    const [, times = '1', dialling] = /^(?:(\d+)\*)?(\d+)-$/.exec(each) ?? []
    if (dialling === undefined) continue
    const dialledAt = performance.now()
    vi.advanceTimersByTime(500)
    for (let n = 0; n < Number(times); n++) window.timedOut(dialledAt, Number(dialling) - n)
  }
  expect(window.size).toBe(size)
})

test('what was dialled before the window shrank says nothing new, and what was dialled afterwards does', () => {
  const window = new DialWindow()
  const first = performance.now()
  vi.advanceTimersByTime(100)
  const second = performance.now()
  vi.advanceTimersByTime(400)
  window.timedOut(first, 10)
  vi.advanceTimersByTime(100)
  window.timedOut(second, 9)
  expect(window.size).toBe(5)
  const third = performance.now()
  vi.advanceTimersByTime(500)
  window.timedOut(third, 5)
  expect(window.size).toBe(2)
})

test('one may always be dialled', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer({ min: 1, max: 100 }))), (happens) => {
      const window = new DialWindow()
      for (const dialling of happens) {
        const dialledAt = performance.now()
        vi.advanceTimersByTime(1)
        if (dialling === null) window.connected()
        else window.timedOut(dialledAt, dialling)
        expect(window.size).toBeGreaterThanOrEqual(1)
      }
    }),
  )
})
