import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NearestError, nearestErrorOf, OutcomeUnknownError } from '../../src/index.ts'
import { backoffMs } from '../../src/limits/retry-backoff.ts'
import { isRetryable } from '../../src/transaction/transaction-retry.ts'

const coded = (code: string, cause?: unknown): Error => Object.assign(new Error(code, { cause }), { code })
const wrapped = (cause: unknown): Error => new Error('Failed query', { cause })
const circle = new Error('a circle')
circle.cause = circle

describe('a transaction is run again', () => {
  test.each<[string, unknown, boolean]>([
    ['after a serialization failure', coded('40001'), true],
    ['after a deadlock', coded('40P01'), true],
    ['that an ORM wrapped', wrapped(wrapped(coded('40001'))), true],
    ['that its COMMIT told', new NearestError('NEAREST_ROLLED_BACK', 'rolled back', { cause: coded('40P01') }), true],
    ['after its connection died', new NearestError('NEAREST_CONNECTION_LOST', 'lost'), true],
    ['not if it may be committed', new OutcomeUnknownError('commit', 'nrt', coded('40001')), false],
    ['not if that is wrapped', wrapped(new OutcomeUnknownError('commit', 'nrt', undefined)), false],
    ['not if it is committed', new NearestError('NEAREST_COMMITTED', 'done', { cause: coded('40001') }), false],
    ['not after a mistake', coded('23505'), false],
    ['not after no error at all', 'a text', false],
    ['not for ever', circle, false],
  ])('%s', (_, error, again) => expect(isRetryable(error)).toBe(again))
})

test('the longest pause doubles, up to a limit', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const pause = backoffMs({ first: 10, longest: 1_000 }, failures, () => random)
      expect(pause).toBeGreaterThanOrEqual(0)
      expect(pause).toBeLessThanOrEqual(Math.min(1_000, 10 * 2 ** (failures - 1)))
    }),
  )
})

test('the NearestError in what an ORM throws', () => {
  const unknown = new OutcomeUnknownError('insert', 'nrt', undefined)
  expect(nearestErrorOf(unknown)).toBe(unknown)
  expect(nearestErrorOf(wrapped(wrapped(unknown)))).toBe(unknown)
  for (const none of [undefined, null, 'a text', new Error('another'), circle])
    expect(nearestErrorOf(none)).toBeUndefined()
})
