import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextProbeMs } from '../../src/monitor/backoff.ts'

test.each([
  { failures: 0, random: 0, is: 900 },
  { failures: 0, random: 1, is: 1_100 },
  { failures: 1, random: 0, is: 1_000 },
  { failures: 1, random: 1, is: 2_000 },
  { failures: 5, random: 1, is: 2_000 },
])('every second, $failures failures, random $random: $is ms', ({ failures, random, is }) => {
  expect(nextProbeMs(1_000, failures, () => random)).toBeCloseTo(is)
})

test('it never asks much more often than asked for, and never gives up', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60_000 }),
      fc.nat(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (interval, failures, random) => {
        const wait = nextProbeMs(interval, failures, () => random)
        expect(wait).toBeGreaterThanOrEqual(interval * 0.5)
        expect(wait).toBeLessThanOrEqual(Math.max(interval * 1.1, 2_000))
      },
    ),
  )
})
