import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bandwidth } from '../../src/wan/bandwidth.ts'
import type { LinkConditions } from '../../src/wan/link-conditions.ts'
import type { Impairment } from '../../src/wan/impairment.ts'
import { jitter } from '../../src/wan/jitter.ts'
import { propagationDelay } from '../../src/wan/propagation-delay.ts'
import { partition } from '../../src/wan/partition.ts'

const unhurried: LinkConditions = {
  rttMs: 0,
  jitterMs: 0,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  partitioned: false,
}
const never = Number.POSITIVE_INFINITY

type Case = readonly [
  string,
  (conditions: LinkConditions) => Impairment,
  Partial<LinkConditions>,
  [number, number][],
  number[],
]

/** The packets are bytes and the moment at which they would arrive without the impairment. */
const cases: readonly Case[] = [
  ['no latency', propagationDelay, { rttMs: 0 }, [[10, 5]], [5]],
  ['half of the round trip', propagationDelay, { rttMs: 220 }, [[10, 5]], [115]],
  ['latency does not mind the size', propagationDelay, { rttMs: 1 }, [[1e9, 0]], [0.5]],
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

test.each(cases)('%s', (_name, create, conditions, packets, arrivals) => {
  const impairment = create({ ...unhurried, ...conditions })
  expect(packets.map(([bytes, due]) => impairment.arrival({ bytes, sentAt: due }, due))).toEqual(arrivals)
})

test('conditions are read anew for each packet', () => {
  const conditions = { ...unhurried, rttMs: 100 }
  const impairment = propagationDelay(conditions)
  expect(impairment.arrival({ bytes: 1, sentAt: 0 }, 0)).toBe(50)
  conditions.rttMs = 10
  expect(impairment.arrival({ bytes: 1, sentAt: 0 }, 0)).toBe(5)
})

test('a line that starts again has nothing in its queue', () => {
  const impairment = bandwidth({ ...unhurried, bytesPerSecond: 1_000 })
  impairment.arrival({ bytes: 5_000, sentAt: 0 }, 0)
  impairment.restart?.()
  expect(impairment.arrival({ bytes: 100, sentAt: 10 }, 10)).toBe(110)
})

test('no impairment makes anything arrive earlier, and a narrow line never carries more than it can', () => {
  const packet = fc.record({ bytes: fc.nat(100_000), wait: fc.double({ min: 0, max: 50, noNaN: true }) })
  const given = fc.record({
    rttMs: fc.nat(500),
    jitterMs: fc.nat(100),
    bytesPerSecond: fc.integer({ min: 100, max: 1e7 }),
    partitioned: fc.boolean(),
  })
  fc.assert(
    fc.property(
      given,
      fc.array(packet, { minLength: 1 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (c, ps, r) => {
        const impairments = [propagationDelay(c), jitter(c, () => r), partition(c), bandwidth(c)]
        let sentAt = 0
        let last = 0
        for (const { bytes, wait } of ps) {
          sentAt += wait
          for (const impairment of impairments)
            expect(impairment.arrival({ bytes, sentAt }, sentAt)).toBeGreaterThanOrEqual(sentAt)
          last = impairments[3]?.arrival({ bytes, sentAt }, sentAt) ?? 0
        }
        // Each packet went through the line twice.
        const total = 2 * ps.reduce((sum, { bytes }) => sum + bytes, 0)
        expect(last).toBeGreaterThanOrEqual((total / c.bytesPerSecond) * 1_000 * 0.999_999)
      },
    ),
  )
})
