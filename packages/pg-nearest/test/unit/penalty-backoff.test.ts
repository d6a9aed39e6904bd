import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isPenalized, penalize, type Penalty } from '../../src/limits/penalty-backoff.ts'

const LAST: Penalty = { until: 5_000, ms: 4_000 }

test.each<[what: string, last: Penalty | undefined, now: number, ms: number]>([
  ['the first', undefined, 0, 1_000],
  ['one more while the last is not over: the same event', LAST, 4_999, 4_000],
  ['one that follows at once', LAST, 5_000, 16_000],
  ['one that follows', LAST, 36_999, 16_000],
  ['one long after', LAST, 37_000, 1_000],
  ['the longest', { until: 5_000, ms: 600_000 }, 5_000, 600_000],
])('%s', (_, last, now, ms) => {
  expect(penalize(last, now)).toEqual({ until: now + ms, ms })
})

test('ends by itself, is never longer than ten minutes, and is forgotten', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2_000_000), { minLength: 1 }), (pauses) => {
      let now = 0
      let penalty: Penalty | undefined
      for (const pause of pauses) {
        now += pause
        penalty = penalize(penalty, now)
        expect(penalty.ms).toBeLessThanOrEqual(600_000)
        expect(isPenalized(penalty, now)).toBe(true)
        expect(isPenalized(penalty, penalty.until)).toBe(false)
      }
      const later = (penalty as Penalty).until + 8 * 600_000
      expect(penalize(penalty, later).ms).toBe(1_000)
    }),
  )
})

test('events at once count as one', () => {
  let penalty: Penalty | undefined
  for (let i = 0; i < 100; i++) penalty = penalize(penalty, i)
  expect(penalty).toEqual({ until: 1_099, ms: 1_000 })
})
