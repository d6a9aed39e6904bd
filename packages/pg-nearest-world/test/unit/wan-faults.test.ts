import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bandwidth } from '../../src/wan/bandwidth.ts'
import type { Conditions } from '../../src/wan/conditions.ts'
import type { Fault } from '../../src/wan/fault.ts'
import { jitter } from '../../src/wan/jitter.ts'
import { latency } from '../../src/wan/latency.ts'
import { partition } from '../../src/wan/partition.ts'

const unhurried: Conditions = {
  rttMs: 0,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  partitioned: false,
}
const never = Number.POSITIVE_INFINITY

type Case = readonly [string, (conditions: Conditions) => Fault, Partial<Conditions>, [number, number][], number[]]

/** The parcels are bytes and the moment at which they would arrive without the fault. */
const cases: readonly Case[] = [
  ['no latency', latency, { rttMs: 0 }, [[10, 5]], [5]],
  ['half of the round trip', latency, { rttMs: 220 }, [[10, 5]], [115]],
  ['latency does not mind the size', latency, { rttMs: 1 }, [[1e9, 0]], [0.5]],
  ['no jitter', (c) => jitter(c, () => 0.9), {}, [[10, 5]], [5]],
  ['the least jitter', (c) => jitter(c, () => 0), { jitterMs: 30 }, [[10, 5]], [5]],
  ['half of the jitter', (c) => jitter(c, () => 0.5), { jitterMs: 30 }, [[10, 5]], [20]],
  ['a whole line', partition, {}, [[10, 5]], [5]],
  ['a cut line', partition, { partitioned: true }, [[10, 5]], [never]],
  ['a wide line', bandwidth, {}, [[1e9, 5]], [5]],
  ['bytes take their time', bandwidth, { bytesPerSecond: 1_000 }, [[100, 5]], [105]],
  [
    'the next one waits for the line',
    bandwidth,
    { bytesPerSecond: 1_000 },
    [
      [100, 0],
      [50, 20],
      [1, 1_000],
    ],
    [100, 150, 1_001],
  ],
  [
    'what has no bytes waits in the queue, too',
    bandwidth,
    { bytesPerSecond: 1_000 },
    [
      [100, 0],
      [0, 10],
    ],
    [100, 100],
  ],
]

test.each(cases)('%s', (_name, create, conditions, parcels, arrivals) => {
  const fault = create({ ...unhurried, ...conditions })
  expect(parcels.map(([bytes, due]) => fault.arrival({ bytes, leftAt: due }, due))).toEqual(arrivals)
})

test('conditions are read anew for each parcel', () => {
  const conditions = { ...unhurried, rttMs: 100 }
  const fault = latency(conditions)
  expect(fault.arrival({ bytes: 1, leftAt: 0 }, 0)).toBe(50)
  conditions.rttMs = 10
  expect(fault.arrival({ bytes: 1, leftAt: 0 }, 0)).toBe(5)
})

test('a line that starts again has nothing in its queue', () => {
  const fault = bandwidth({ ...unhurried, bytesPerSecond: 1_000 })
  fault.arrival({ bytes: 5_000, leftAt: 0 }, 0)
  fault.restart?.()
  expect(fault.arrival({ bytes: 100, leftAt: 10 }, 10)).toBe(110)
})

test('no fault makes anything arrive earlier, and a narrow line never carries more than it can', () => {
  const parcel = fc.record({ bytes: fc.nat(100_000), wait: fc.double({ min: 0, max: 50, noNaN: true }) })
  const given = fc.record({
    rttMs: fc.nat(500),
    jitterMs: fc.nat(100),
    bytesPerSecond: fc.integer({ min: 100, max: 1e7 }),
    partitioned: fc.boolean(),
  })
  fc.assert(
    fc.property(
      given,
      fc.array(parcel, { minLength: 1 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (c, ps, r) => {
        const faults = [latency(c), jitter(c, () => r), partition(c), bandwidth(c)]
        let leftAt = 0
        let last = 0
        for (const { bytes, wait } of ps) {
          leftAt += wait
          for (const fault of faults) expect(fault.arrival({ bytes, leftAt }, leftAt)).toBeGreaterThanOrEqual(leftAt)
          last = faults[3]?.arrival({ bytes, leftAt }, leftAt) ?? 0
        }
        // Each parcel went through the line twice.
        const total = 2 * ps.reduce((sum, { bytes }) => sum + bytes, 0)
        expect(last).toBeGreaterThanOrEqual((total / c.bytesPerSecond) * 1_000 * 0.999_999)
      },
    ),
  )
})
