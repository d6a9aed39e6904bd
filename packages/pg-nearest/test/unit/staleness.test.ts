import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import spec from '../../spec/staleness.json' with { type: 'json' }
import {
  extendTrail,
  stalenessBound,
  type PositionSample,
  type PrimaryTrail,
} from '../../src/observations/staleness.ts'

const trailOf = (samples: readonly PositionSample[]): PrimaryTrail => samples.reduce(extendTrail, [] as PrimaryTrail)

describe('spec/staleness.json', () => {
  for (const { name, primary, replayed, now, behindMs } of spec.cases) {
    test(name, () => {
      const trail = trailOf(primary.map(([at = 0, lsn = 0]) => ({ at, lsn: BigInt(lsn) })))
      expect(stalenessBound(trail, BigInt(replayed), now) ?? 'unknown').toBe(behindMs)
    })
  }
})

/** A primary's whole history: at each millisecond it has written a little more, or nothing. */
const anyHistory = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 200 })

test('the bound is never less than the truth', () => {
  fc.assert(
    fc.property(anyHistory, fc.nat(), fc.nat(), (steps, sampleEvery, replayedUntil) => {
      let lsn = 0
      const history = steps.map((step) => BigInt((lsn += step)))
      const now = history.length - 1
      const every = 1 + (sampleEvery % 20)
      const trail = trailOf(history.flatMap((position, at) => (at % every === 0 ? { lsn: position, at } : [])))
      const replayed = history[replayedUntil % history.length] ?? 0n
      // The replica shows what the primary showed at the last moment at which it had nothing more than that.
      const truth = now - history.findLastIndex((position) => position <= replayed)
      const bound = stalenessBound(trail, replayed, now)
      if (bound !== undefined) expect(bound).toBeGreaterThanOrEqual(truth)
    }),
  )
})

test('the positions of one cluster prove nothing about another', () => {
  const trail = trailOf([
    { lsn: 10n, at: 1, cluster: 'one' },
    { lsn: 20n, at: 2, cluster: 'two' },
  ])
  expect(stalenessBound(trail, 15n, 3)).toBeUndefined()
  expect(stalenessBound(trail, 20n, 3)).toBe(1)
})

test('an idle primary does not lengthen the trail, and a busy one only so far', () => {
  const idle = trailOf(Array.from({ length: 10_000 }, (_, at) => ({ lsn: 1n, at })))
  expect(idle.length).toBeLessThanOrEqual(2)
  const busy = trailOf(Array.from({ length: 10_000 }, (_, at) => ({ lsn: BigInt(at), at })))
  expect(busy.length).toBeLessThanOrEqual(300)
  expect(busy.at(-1)).toEqual({ lsn: 9_999n, at: 9_999 })
})
