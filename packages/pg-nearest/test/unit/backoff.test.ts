import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextProbeMs, sharedIntervalMs } from '../../src/monitor/probe-interval.ts'

test.each([
  { failures: 0, searching: false, random: 0, is: 450 },
  { failures: 0, searching: false, random: 1, is: 550 },
  { failures: 0, searching: true, random: 0.5, is: 100 },
  { failures: 1, searching: false, random: 0, is: 20 },
  { failures: 1, searching: false, random: 1, is: 1_000 },
  { failures: 5, searching: true, random: 1, is: 1_000 },
])(
  'every 500 ms, $failures failures, searching $searching, random $random: $is ms',
  ({ failures, searching, random, is }) => {
    expect(nextProbeMs(500, failures, searching, () => random)).toBeCloseTo(is)
  },
)

test.each([
  { servers: 1, used: false, is: 500 },
  { servers: 8, used: false, is: 500 },
  { servers: 16, used: false, is: 1_000 },
  { servers: 80, used: false, is: 5_000 },
  { servers: 80, used: true, is: 500 },
])('one of $servers servers, used $used: every $is ms', ({ servers, used, is }) => {
  expect(sharedIntervalMs(500, servers, used)).toBe(is)
})

test('it never asks in a tight loop, and never gives up', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 50, max: 60_000 }),
      fc.nat(),
      fc.boolean(),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (interval, failures, searching, random) => {
        const wait = nextProbeMs(interval, failures, searching, () => random)
        expect(wait).toBeGreaterThanOrEqual(20)
        expect(wait).toBeLessThanOrEqual(Math.max(interval * 1.1, 1_000))
      },
    ),
  )
})
