import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import spec from '../../spec/failures.json' with { type: 'json' }
import { interpret, interpretNoConnection, type Circumstances } from '../../src/execute/interpret.ts'
import { lostConnection } from '../../src/execute/lost-connection.ts'

interface Said {
  readonly code?: string | undefined
  readonly message?: string | undefined
  readonly severity?: string | undefined
}

function failure({ code, message = 'it failed', severity }: Said): Error {
  const said = { ...(code === undefined ? {} : { code }), ...(severity === undefined ? {} : { severity }) }
  return Object.assign(new Error(message), said)
}

describe('spec/failures.json', () => {
  for (const { name, on, text, verdict, ...error } of spec.cases) {
    test(name, () => {
      const circumstances: Circumstances = {
        standby: on.endsWith('standby'),
        readOnly: on.startsWith('read-only'),
        reads: text === 'reads',
        harmless: text === 'begins',
      }
      expect(interpret(failure(error), circumstances)).toBe(verdict)
    })
  }
})

const anyCircumstances = fc.record({
  standby: fc.boolean(),
  readOnly: fc.boolean(),
  reads: fc.boolean(),
  harmless: fc.boolean(),
})
const anyFailure = fc
  .record({
    code: fc.oneof(
      fc.constantFrom(...spec.cases.flatMap(({ code }) => code ?? [])),
      fc.string(),
      fc.constant(undefined),
    ),
    message: fc.oneof(fc.constantFrom(...spec.cases.flatMap(({ message }) => message ?? [])), fc.string()),
  })
  .map(failure)

test('a statement that a primary may have run is never sent to a primary again', () => {
  fc.assert(
    fc.property(anyFailure, anyCircumstances, (error, circumstances) => {
      const verdict = interpret(error, circumstances)
      const cannotHaveWritten = circumstances.standby || circumstances.readOnly || circumstances.harmless
      if (!cannotHaveWritten) expect(['again', 'standbys', 'unknown', 'fail']).toContain(verdict)
    }),
  )
})

test('a server that cannot be connected to is passed over; a pool without a free connection is not', () => {
  expect(interpretNoConnection(failure({ code: 'ECONNREFUSED' }))).toBe('next')
  expect(interpretNoConnection(failure({ code: '28P01' }))).toBe('next')
  expect(interpretNoConnection(failure({ message: 'timeout exceeded when trying to connect' }))).toBe('fail')
})

describe('a connection that died while it was the caller’s alone', () => {
  const write = { class: 'write' } as const
  const control = (kind: 'begin' | 'commit' | 'rollback' | 'other') =>
    ({ class: 'transaction', transaction: { kind, standbyCanBegin: false, snapshotPerStatement: true } }) as const
  const rows = [
    { need: write, open: true, harmless: false, code: 'NEAREST_CONNECTION_LOST' },
    { need: write, open: false, harmless: false, code: '08007' },
    { need: write, open: false, harmless: true, code: 'NEAREST_CONNECTION_LOST' },
    { need: control('begin'), open: false, harmless: false, code: 'NEAREST_CONNECTION_LOST' },
    { need: control('commit'), open: true, harmless: false, code: '08007' },
    { need: control('commit'), open: true, harmless: true, code: 'NEAREST_CONNECTION_LOST' },
    { need: control('rollback'), open: true, harmless: false, code: 'NEAREST_CONNECTION_LOST' },
    { need: control('other'), open: true, harmless: false, code: '08007' },
  ]
  test.each(rows)(
    '$need.class $need.transaction.kind, open: $open, harmless: $harmless -> $code',
    ({ code, ...lost }) => {
      const cause = failure({ code: 'ECONNRESET' })
      const error = lostConnection({ text: 'select 1', server: 'nrt', error: cause, ...lost })
      expect(error.code).toBe(code)
      expect(error.cause).toBe(cause)
    },
  )
})
