import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextProbeMs, type ProbePace } from '../../src/monitor/probe-interval.ts'

const USED: ProbePace = { intervalMs: 500, servers: 3, used: true, failures: 0, searching: false }
const UNUSED: ProbePace = { ...USED, used: false }

test.each<[pace: Partial<ProbePace>, random: number, ms: number]>([
  [{}, 0, 450],
  [{}, 1, 550],
  [{ searching: true }, 0.5, 100],
  [{ failures: 1 }, 0, 20],
  [{ failures: 1 }, 1, 1_000],
  [{ failures: 5, searching: true }, 1, 1_000],
  [{ servers: 80 }, 0.5, 500],
  [{ servers: 80, failures: 1 }, 1, 1_000],
])('a server in use, every 500 ms, %o, random %d: after %d ms', (pace, random, ms) => {
  expect(nextProbeMs({ ...USED, ...pace }, () => random, 1_234)).toBeCloseTo(ms)
})

test.each<[pace: Partial<ProbePace>, now: number, random: number, at: number]>([
  [{ servers: 1 }, 1_000, 0, 1_500],
  [{ servers: 4 }, 1_020, 1, 1_500],
  [{ servers: 4 }, 1_240, 0, 1_500],
  [{ servers: 4 }, 1_240, 1, 2_000],
  [{ servers: 4 }, 1_499, 0, 2_000],
  [{ servers: 8 }, 1_000, 0.5, 2_000],
  [{ servers: 80 }, 1_000, 0.5, 12_000],
  [{ servers: 80 }, 1_000, 0, 10_000],
  [{ servers: 80, searching: true }, 1_000, 0.5, 1_100],
])('one that nobody uses, %o, at %d ms, random %d: on the beat at %d ms', (pace, now, random, at) => {
  expect(now + nextProbeMs({ ...UNUSED, ...pace }, () => random, now)).toBeCloseTo(at)
})

const paces = fc.record({
  intervalMs: fc.integer({ min: 50, max: 60_000 }),
  servers: fc.integer({ min: 1, max: 300 }),
  used: fc.boolean(),
  failures: fc.nat(),
  searching: fc.boolean(),
})
const beatOf = ({ intervalMs, servers }: ProbePace): number => intervalMs * Math.min(4, Math.max(1, servers / 4))
const randoms = fc.double({ min: 0, max: 1, noNaN: true })
const times = fc.double({ min: 0, max: 1e9, noNaN: true })

test('it never asks in a tight loop, and never gives up', () => {
  fc.assert(
    fc.property(paces, times, randoms, (pace, now, random) => {
      const wait = nextProbeMs(pace, () => random, now)
      const intervalMs = pace.intervalMs * (pace.used ? 1 : Math.max(1, pace.servers / 4))
      expect(wait).toBeGreaterThan(19.9)
      expect(wait).toBeLessThanOrEqual(Math.max(intervalMs * 1.1 + beatOf(pace) / 2, 1_000))
    }),
  )
})

test('those that nobody uses are probed together', () => {
  fc.assert(
    fc.property(paces, times, randoms, ({ intervalMs, servers }, now, random) => {
      const pace = { intervalMs, servers, used: false, failures: 0, searching: false }
      const beats = (now + nextProbeMs(pace, () => random, now)) / beatOf(pace)
      expect(Math.abs(beats - Math.round(beats))).toBeLessThan(1e-6)
      expect(Math.round(beats)).toBeGreaterThan(Math.floor(now / beatOf(pace)))
    }),
  )
})
