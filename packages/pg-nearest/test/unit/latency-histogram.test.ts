import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLatencyHistogram } from '../../src/dashboard/latency-histogram.ts'

test('a quantile is off by less than a tenth', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.02, max: 60_000, noNaN: true }), { minLength: 1 }),
      fc.constantFrom(0.01, 0.5, 0.99, 1),
      (times, share) => {
        const histogram = createLatencyHistogram()
        for (const ms of times) histogram.add(ms)
        const right = times.toSorted((a, b) => a - b)[Math.ceil(share * times.length) - 1] ?? 0
        expect(histogram.count).toBe(times.length)
        expect((histogram.quantile(share) ?? 0) / right).toBeGreaterThan(0.999)
        expect((histogram.quantile(share) ?? 0) / right).toBeLessThan(1.1)
      },
    ),
  )
})

test('takes what is out of all bounds, and knows nothing of nothing', () => {
  const histogram = createLatencyHistogram()
  expect(histogram.quantile(0.5)).toBeUndefined()
  for (const ms of [0, 1e-9, 1e12]) histogram.add(ms)
  expect(histogram.count).toBe(3)
  expect(histogram.quantile(0)).toBeGreaterThan(0)
})
