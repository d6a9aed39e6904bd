import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { createClock } from '../../src/sleep-aware-clock.ts'

/** A machine's clocks, which go on by themselves, or are set. */
function machine() {
  const at = { wall: 1_700_000_000_000, monotonic: 5_000 }
  const now = createClock(
    () => at.wall,
    () => at.monotonic,
  )
  return { at, now }
}

test('it begins with the time of day, and goes on with it', () => {
  const { at, now } = machine()
  expect(now()).toBe(1_700_000_000_000)
  at.wall += 40
  at.monotonic += 40
  expect(now()).toBe(1_700_000_000_040)
})

test.each<[what: string, wallMs: number, monotonicMs: number, passedMs: number]>([
  ['a clock that is set back changes nothing', -299_000, 1_000, 1_000],
  ['a machine that sleeps has let that time pass', 3_600_000, 5, 3_600_000],
  ['both clocks tick in steps of their own', 1, 0.2, 0.2],
  ['a clock that is slewed goes as the monotonic one', 1_010, 1_000, 1_000],
])('%s', (_, wallMs, monotonicMs, passedMs) => {
  const { at, now } = machine()
  const before = now()
  at.wall += wallMs
  at.monotonic += monotonicMs
  expect(now() - before).toBeCloseTo(passedMs)
})

test('a sleep counts after the clock was set back, too', () => {
  const { at, now } = machine()
  at.wall -= 600_000
  const before = now()
  at.wall += 60_000
  expect(now() - before).toBe(60_000)
})

test('whatever the clocks do, it never goes back, and not slower than the monotonic one', () => {
  const step = fc.record({ wall: fc.integer({ min: -1e6, max: 1e6 }), monotonic: fc.nat({ max: 1e6 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const { at, now } = machine()
      for (const { wall, monotonic } of steps) {
        const before = now()
        at.wall += wall
        at.monotonic += monotonic
        // A 64-bit float holds these times to within a microsecond.
        expect(now() - before).toBeGreaterThanOrEqual(monotonic - 0.01)
      }
    }),
  )
})
