import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import spec from '../../spec/failures.json' with { type: 'json' }
import { lostStatementError } from '../../src/failures/connection-lost-error.ts'
import {
  isTransient,
  meaningInReading,
  meaningOf,
  provesPrimaryOnly,
  type Circumstances,
  type Evidence,
} from '../../src/route/failure-meaning.ts'
import { evidenceOfLoss } from '../../src/send/run-statement.ts'
import { valueTooLongError } from '../../src/result-value-too-long.ts'

interface Said {
  readonly code?: string | undefined
  readonly message?: string | undefined
  readonly severity?: string | undefined
  readonly routine?: string | undefined
}

interface Row extends Said {
  readonly kind: string
  readonly why?: string | undefined
  readonly level?: boolean | undefined
  readonly ofAnswer?: boolean | undefined
}

function failure({ code, message = 'it failed', severity, routine }: Said): Error {
  const given = Object.entries({ code, severity, routine }).filter(([, value]) => value !== undefined)
  return Object.assign(new Error(message), Object.fromEntries(given))
}

function evidenceOf({ kind, why, level, ofAnswer, ...said }: Row): Evidence {
  const given = Object.entries({ why, level, ofAnswer }).filter(([, value]) => value !== undefined)
  const more = Object.fromEntries(given)
  return { kind, ...more, error: failure(said) } as Evidence
}

const PLACES = ['standby', 'primary', 'read-only standby', 'read-only primary']
const TEXTS = ['reads', 'writes', 'begins']

function circumstancesOf(on: string, text: string): Circumstances {
  return {
    standby: on.endsWith('standby'),
    readOnly: on.startsWith('read-only'),
    reads: text === 'reads',
    harmless: text === 'begins',
    mayCommitInside: false,
    regional: on.startsWith('read-only'),
  }
}

describe('spec/failures.json', () => {
  for (const { name, on, text, verdict, ...row } of spec.cases) {
    const said = row.code ?? row.message
    test.each(on.flatMap((place) => text.map((shown) => [place, shown] as const)))(
      `${name} (${row.kind}${said === undefined ? '' : `, ${said}`}), on a %s, the text %s: ${verdict}`,
      (place, shown) => {
        expect(meaningOf(evidenceOf(row), circumstancesOf(place, shown))).toBe(verdict)
      },
    )
  }

  test('has a row for every way of failing in all circumstances', () => {
    const kinds = ['unsent', 'unsendable', 'answered', 'unreadable', 'lost', 'behind', 'standby', 'misled']
    const whys = ['refused', 'unreachable', 'queue', 'hook'].map((why) => `no-connection ${why}`)
    const wanted = [...kinds, ...whys].flatMap((kind) =>
      PLACES.flatMap((on) => TEXTS.map((text) => `${kind} / ${on} / ${text}`)),
    )
    const covered = new Set(
      spec.cases.flatMap(({ kind, on, text, ...row }) => {
        const way = row.why === undefined ? kind : `${kind} ${row.why}`
        return on.flatMap((place) => text.map((shown) => `${way} / ${place} / ${shown}`))
      }),
    )
    expect(wanted.filter((each) => !covered.has(each))).toEqual([])
    expect([...covered].filter((each) => !wanted.includes(each))).toEqual([])
  })

  test.each(spec.transient)('$name: worth waiting for: $transient', ({ transient, ...row }) => {
    expect(isTransient(evidenceOf(row))).toBe(transient)
  })
})

const anyCircumstances = fc.record({
  standby: fc.boolean(),
  mayAskRoles: fc.boolean(),
  readOnly: fc.boolean(),
  reads: fc.boolean(),
  harmless: fc.boolean(),
  mayCommitInside: fc.boolean(),
  regional: fc.boolean(),
})
const known = (key: 'code' | 'routine' | 'message' | 'severity') =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...spec.cases.flatMap((row) => (row as Said)[key] ?? [])) },
    fc.string(),
    fc.constant(undefined),
  )
const anyError = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .record({
        code: known('code'),
        routine: known('routine'),
        message: known('message'),
        severity: known('severity'),
      })
      .map(failure),
  },
  fc.anything(),
)
const anyEvidence = fc.oneof(
  fc.record({
    kind: fc.constantFrom(
      'unsent' as const,
      'unsendable' as const,
      'unreadable' as const,
      'behind' as const,
      'standby' as const,
    ),
    error: anyError,
  }),
  fc.record({ kind: fc.constant('answered' as const), error: anyError, level: fc.boolean() }),
  fc.record({ kind: fc.constant('lost' as const), error: anyError, ofAnswer: fc.boolean() }),
  fc.record({
    kind: fc.constant('no-connection' as const),
    why: fc.constantFrom('refused' as const, 'unreachable' as const, 'queue' as const, 'hook' as const),
    error: anyError,
  }),
)
const RUNS = { numRuns: 20_000 }

function canHaveWritten({ standby, readOnly, reads, harmless }: Circumstances): boolean {
  return !readOnly && !harmless && !(standby && reads)
}

test('a statement that a primary may have run is never sent to a primary again', () => {
  fc.assert(
    fc.property(anyEvidence, anyCircumstances, (evidence, circumstances) => {
      const meaning = meaningOf(evidence, circumstances)
      if (evidence.kind === 'lost' && evidence.ofAnswer)
        expect(meaning).toBe(canHaveWritten(circumstances) && !circumstances.reads ? 'unknown' : 'fail')
      else if (evidence.kind === 'lost' && canHaveWritten(circumstances)) expect(meaning).toBe('unknown')
      // Nobody is told of a doubt where there is none.
      else expect(meaning).not.toBe('unknown')
    }),
    RUNS,
  )
})

test('only an answer, a mistake of the caller or his own limit is a definite failure', () => {
  fc.assert(
    fc.property(anyEvidence, anyCircumstances, (evidence, circumstances) => {
      if (meaningOf(evidence, circumstances) !== 'fail') return
      const own = evidence.kind === 'no-connection' ? ['queue', 'hook'].includes(evidence.why) : true
      const isLost = evidence.kind === 'lost' && !evidence.ofAnswer
      expect(own && !isLost && !['unsent', 'behind', 'standby'].includes(evidence.kind)).toBe(true)
    }),
    RUNS,
  )
})

test('what is not an answer is never judged by its error', () => {
  fc.assert(
    fc.property(anyEvidence, anyError, anyCircumstances, (evidence, error, circumstances) => {
      if (evidence.kind === 'answered') return
      expect(meaningOf({ ...evidence, error }, circumstances)).toBe(meaningOf(evidence, circumstances))
    }),
    RUNS,
  )
})

function saysRecovery(error: unknown): boolean {
  const said = (typeof error === 'object' && error !== null ? error : {}) as Said
  return (
    (said.code === '25006' && said.routine === 'PreventCommandDuringRecovery') ||
    (said.code === '0A000' && said.routine === 'GetSerializableTransactionSnapshot')
  )
}

/** What may not write has had its answer, but for what any role that is SERIALIZABLE by default hears there. */
function staysRefused(error: unknown, { readOnly, regional }: Pick<Circumstances, 'readOnly' | 'regional'>): boolean {
  return readOnly && (regional === true || (error as Said | null)?.code === '25006')
}

test('what writes is never run again for an answer on a primary that is one', () => {
  fc.assert(
    fc.property(anyError, fc.boolean(), fc.boolean(), (error, readOnly, regional) => {
      const meaning = meaningOf(
        { kind: 'answered', error },
        { standby: false, readOnly, regional, reads: false, harmless: false, mayCommitInside: false },
      )
      // Recovery answers only where there is no primary any more.
      const isFinal = staysRefused(error, { readOnly, regional })
      expect(meaning).toBe(saysRecovery(error) && !isFinal ? 'primary' : 'fail')
    }),
    RUNS,
  )
})

test('what may have committed a part is run again only if the server was in recovery all along', () => {
  fc.assert(
    fc.property(anyError, anyCircumstances, (error, circumstances) => {
      const meaning = meaningOf({ kind: 'answered', error }, { ...circumstances, mayCommitInside: true })
      expect(meaning).toBe(saysRecovery(error) && !staysRefused(error, circumstances) ? 'primary' : 'fail')
    }),
    RUNS,
  )
})

test('where nothing was committed, what may commit a part means what it would mean on a standby', () => {
  fc.assert(
    fc.property(anyError, anyCircumstances, (error, circumstances) => {
      const answered = { kind: 'answered', error, nothingCommitted: true } as const
      const elsewhere = meaningOf(
        { kind: 'answered', error },
        { ...circumstances, standby: true, mayCommitInside: false },
      )
      expect(meaningOf(answered, { ...circumstances, mayCommitInside: true })).toBe(elsewhere)
    }),
    RUNS,
  )
})

test('only a value that is too long for a string makes a loss the answer’s own', () => {
  const cause = failure({ code: 'ERR_STRING_TOO_LONG' })
  expect(evidenceOfLoss(valueTooLongError(cause))).toMatchObject({ kind: 'lost', ofAnswer: true, error: { cause } })
  for (const error of [cause, failure({ code: 'NEAREST_VALUE_TOO_LONG' }), failure({ code: 'ECONNRESET' })])
    expect(evidenceOfLoss(error)).toEqual({ kind: 'lost', error })
})

describe('a replica that may lack what a migration has made', () => {
  const lag = (code: string, routine?: string): Error => failure({ code, routine })

  test('is never trusted more for being less known', () => {
    fc.assert(
      fc.property(anyError, anyCircumstances, (error, circumstances) => {
        const [unknown, level] = [false, true].map((shown) =>
          meaningOf({ kind: 'answered', error, level: shown }, circumstances),
        )
        if (unknown === level) return
        expect([unknown, level, circumstances.standby, circumstances.regional]).toEqual([
          'primary',
          'fail',
          true,
          false,
        ])
      }),
      RUNS,
    )
  })

  test.each([
    { name: 'a table that it may lack', error: lag('42703'), meaning: 'primary' },
    { name: 'a table that it may lack, and it is level', error: lag('42703'), level: true, meaning: 'primary' },
    { name: 'a value that it may not know yet', error: lag('22P02'), meaning: 'primary' },
    { name: 'a value, and it is level', error: lag('22P02'), level: true, meaning: 'fail' },
    { name: 'its connection', error: lag('0A000', 'RevalidateCachedQuery'), meaning: 'primary' },
    { name: 'recovery', error: lag('25006', 'PreventCommandDuringRecovery'), meaning: 'primary' },
    { name: 'READ ONLY', error: lag('25006', 'PreventCommandIfReadOnly'), meaning: 'fail' },
    { name: 'the statement', error: lag('22012'), meaning: 'fail' },
  ])('in a read-only transaction that can begin again, $name: $meaning', ({ error, level, meaning }) => {
    expect(meaningInReading({ kind: 'answered', error, ...(level === undefined ? {} : { level }) })).toBe(meaning)
    expect(meaningInReading({ kind: 'unreadable', error })).toBe('fail')
  })

  test.each([
    { name: 'a write', error: lag('25006', 'PreventCommandDuringRecovery'), only: true },
    { name: 'an unlogged table', error: lag('0A000', 'get_relation_info'), only: true },
    { name: 'SERIALIZABLE', error: lag('0A000', 'GetSerializableTransactionSnapshot'), only: false },
    { name: 'a missing table', error: lag('42P01'), only: false },
    { name: 'a value', error: lag('22P02'), only: false },
    { name: 'recovery', error: lag('55000'), only: false },
  ])('$name teaches that a text is the primary’s alone: $only', ({ error, only }) => {
    expect(provesPrimaryOnly(error)).toBe(only)
  })
})

describe('a connection that died while it was the caller’s alone', () => {
  const write = { class: 'write' } as const
  const control = (kind: 'begin' | 'commit' | 'rollback' | 'within') =>
    ({
      class: 'transaction',
      transaction: { kind, readOnly: false, standbyCanBegin: false, snapshotPerStatement: true },
    }) as const
  const inside = (mayBeCommitted: boolean, harmless: boolean) => ({
    open: true,
    bound: true,
    mayBeCommitted,
    harmless,
    says: '',
  })
  const outside = (harmless: boolean, bound = true) => ({
    open: false,
    bound,
    mayBeCommitted: false,
    harmless,
    says: '',
  })
  const rows = [
    { need: write, ...inside(false, false), code: 'NEAREST_CONNECTION_LOST' },
    { need: write, ...inside(true, false), code: '08007' },
    { need: write, ...inside(true, true), code: 'NEAREST_CONNECTION_LOST' },
    { need: write, ...outside(false), code: '08007' },
    { need: write, ...outside(true), code: 'NEAREST_CONNECTION_LOST' },
    {
      need: { class: 'read' } as const,
      ...outside(true, false),
      code: 'NEAREST_CONNECTION_LOST',
      says: 'run it again',
    },
    { need: control('begin'), ...outside(false), code: 'NEAREST_CONNECTION_LOST' },
    { need: control('commit'), ...inside(true, false), code: '08007' },
    { need: control('commit'), ...inside(true, true), code: 'NEAREST_CONNECTION_LOST' },
    { need: control('rollback'), ...inside(false, false), code: 'NEAREST_CONNECTION_LOST' },
    { need: control('within'), ...inside(false, false), code: 'NEAREST_CONNECTION_LOST' },
  ]
  test.each(rows)(
    '$need.class $need.transaction.kind, open: $open, may be committed: $mayBeCommitted, harmless: $harmless -> $code',
    ({ code, says, ...lost }) => {
      const cause = failure({ code: 'ECONNRESET' })
      const error = lostStatementError({ text: 'select 1', server: 'nrt', error: cause, ...lost })
      expect(error.code).toBe(code)
      expect(error.message).toContain(says)
      expect(error.cause).toBe(cause)
    },
  )
})
