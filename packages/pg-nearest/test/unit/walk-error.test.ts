import { describe, expect, test } from 'vitest'
import { NearestError, NoServerError, OutcomeUnknownError } from '../../src/errors.ts'
import { walkError } from '../../src/walk/walk-error.ts'
import type { WalkEnd } from '../../src/walk-states/walk-state-machine.ts'
import type { Evidence } from '../../src/route/failure-meaning.ts'

const failed = new Error('it failed')
const unreachable: Evidence = { kind: 'no-connection', why: 'unreachable', error: failed }
const queue: Evidence = { kind: 'no-connection', why: 'queue', error: failed }

describe('the error that the caller gets', () => {
  const cause = Object.assign(new Error('read-only'), { code: '25006', routine: 'PreventCommandIfReadOnly' })
  const error = (of: Evidence, standby = false): WalkEnd => ({ kind: 'error', server: 'nrt', standby, evidence: of })
  const told = (end: WalkEnd, readOnly = false): unknown =>
    walkError(end, [{ server: 'nrt', evidence: unreachable }], [], 'insert', readOnly, 'known')

  test.each<[string, WalkEnd, unknown]>([
    ['a cut: the reason', { kind: 'cut', error: failed }, failed],
    ['a standby’s refusal', { kind: 'refused', error: cause }, cause],
    ['the statement’s own error', error({ kind: 'answered', error: failed }), failed],
    ['what cannot be sent', error({ kind: 'unsendable', error: failed }), failed],
    ['what a type parser throws', error({ kind: 'unreadable', error: failed }), failed],
    ['what a hook throws', error({ kind: 'no-connection', why: 'hook', error: failed }), failed],
    ['a write on a standby that was asked for', error({ kind: 'answered', error: cause }, true), cause],
  ])('%s, as it is', (_, end, expected) => {
    expect(told(end)).toBe(expected)
  })

  test('a write in what is read-only, as it is', () => {
    expect(told(error({ kind: 'answered', error: cause }), true)).toBe(cause)
  })

  test('an unknown outcome', () => {
    const unknown = told({ kind: 'unknown', server: 'nrt', error: failed })
    expect(unknown).toBeInstanceOf(OutcomeUnknownError)
    expect(unknown).toMatchObject({ server: 'nrt', text: 'insert', cause: failed })
  })

  test.each(['nobody-left', 'no-primary', 'budget'] as const)('nobody could run it: %s', (gaveUp) => {
    const nobody = told({ kind: 'nobody', gaveUp })
    expect(nobody).toBeInstanceOf(NoServerError)
    expect(nobody).toMatchObject({ attempts: [{ server: 'nrt', error: failed }] })
  })

  test('a primary that takes no writes', () => {
    expect(told(error({ kind: 'answered', error: cause }))).toMatchObject({ code: 'NEAREST_READ_ONLY', cause })
  })

  test('no connection came free', () => {
    expect(told(error(queue))).toMatchObject({ code: 'NEAREST_TIMEOUT', cause: failed })
    const overloaded = new NearestError('NEAREST_OVERLOADED', 'too many')
    expect(told(error({ kind: 'no-connection', why: 'queue', error: overloaded }))).toBe(overloaded)
  })
})
