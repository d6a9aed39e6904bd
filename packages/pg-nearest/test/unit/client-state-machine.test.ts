import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NearestError } from '../../src/errors.ts'
import type { Request } from '../../src/route/request.ts'
import {
  CHAIN,
  FREE,
  nextClientState,
  nextStateAfterStream,
  type ClientState,
  type Reading,
} from '../../src/client-state/client-state-machine.ts'
import type { SessionEffect, StatementNeed } from '../../src/classification/statement-need-types.ts'

const request: Request = { config: { text: 'BEGIN READ ONLY' } }
const read: StatementNeed = { class: 'read' }
const session: StatementNeed = { class: 'session' }
const begin = (standbyCanBegin: boolean, snapshotPerStatement = true): StatementNeed => ({
  class: 'transaction',
  transaction: { kind: 'begin', readOnly: standbyCanBegin, standbyCanBegin, snapshotPerStatement },
})
const savepoint: StatementNeed = {
  class: 'transaction',
  transaction: { kind: 'other', readOnly: false, standbyCanBegin: false, snapshotPerStatement: false },
}
const chain: StatementNeed = {
  class: 'transaction',
  transaction: { kind: 'chain', readOnly: false, standbyCanBegin: false, snapshotPerStatement: false },
}
const commit: StatementNeed = {
  class: 'transaction',
  transaction: { kind: 'commit', readOnly: false, standbyCanBegin: false, snapshotPerStatement: false },
}

const inTransaction: ClientState = { kind: 'transaction', stateful: false, readOnly: false }
const reading: Reading = {
  kind: 'reading',
  begin: request,
  modes: [],
  locals: [],
  snapshotPerStatement: true,
  keeps: 'nothing',
  failed: false,
  unproven: false,
  queried: false,
  stateful: false,
}
const snapshot = { ...reading, snapshotPerStatement: false } as const
const pinned: ClientState = { kind: 'pinned', by: 'state' }
const settings: ClientState = { kind: 'pinned', by: 'settings' }
const effect = (kind: SessionEffect): StatementNeed => ({ class: 'session', session: kind })

describe('where a borrowed client stands after a statement', () => {
  test.each([
    { name: 'a read leaves it free', before: FREE, need: read, open: false, standby: true, after: FREE },
    { name: 'LISTEN pins it', before: FREE, need: session, open: false, standby: false, after: pinned },
    { name: 'SET pins it', before: FREE, need: effect('setting'), open: false, standby: false, after: settings },
    {
      name: 'SET of what goes with the client does not',
      before: FREE,
      need: { ...effect('setting'), setting: 'jit' },
      open: false,
      standby: true,
      after: FREE,
      remembered: true,
    },
    { name: 'SHOW does not', before: FREE, need: effect('local'), open: false, standby: false, after: FREE },
    {
      name: 'RESET ALL frees it of SET',
      before: settings,
      need: effect('reset'),
      open: false,
      standby: false,
      after: FREE,
    },
    { name: 'and not of LISTEN', before: pinned, need: effect('reset'), open: false, standby: false, after: pinned },
    { name: 'LISTEN after SET', before: settings, need: session, open: false, standby: false, after: pinned },
    { name: 'SET after LISTEN', before: pinned, need: effect('setting'), open: false, standby: false, after: pinned },
    { name: 'DISCARD ALL frees it', before: pinned, need: effect('discard'), open: false, standby: false, after: FREE },
    {
      name: 'SET LOCAL is remembered where it reads',
      before: reading,
      need: effect('local'),
      text: "set local app.user = '1'",
      open: true,
      standby: true,
      after: { ...reading, locals: [{ config: { text: "set local app.user = '1'" } }] },
    },
    {
      name: 'a query that sets something until the end, and has one snapshot for all',
      before: snapshot,
      need: effect('local'),
      text: "select set_config('a.b', '1', true)",
      open: true,
      standby: true,
      after: {
        ...snapshot,
        keeps: 'transaction',
        queried: true,
        locals: [{ config: { text: "select set_config('a.b', '1', true)" } }],
      },
    },
    {
      name: 'SHOW is not',
      before: reading,
      need: effect('local'),
      text: 'show a',
      open: true,
      standby: true,
      after: reading,
    },
    {
      name: 'SET LOCAL in a transaction leaves nothing',
      before: inTransaction,
      need: effect('local'),
      open: true,
      standby: false,
      after: inTransaction,
    },
    { name: 'a pin stays', before: pinned, need: read, open: false, standby: false, after: pinned },
    { name: 'BEGIN opens', before: FREE, need: begin(false), open: true, standby: false, after: inTransaction },
    {
      name: 'BEGIN READ ONLY on a standby reads',
      before: FREE,
      need: begin(true),
      open: true,
      standby: true,
      after: reading,
    },
    {
      name: 'and remembers that nothing proved what it shows',
      before: FREE,
      need: begin(true),
      open: true,
      standby: true,
      unproven: true,
      after: { ...reading, unproven: true },
    },
    {
      name: 'one snapshot for all statements can begin again until something is answered',
      before: FREE,
      need: begin(true, false),
      open: true,
      standby: true,
      after: snapshot,
    },
    {
      name: 'and keeps what it has shown then',
      before: snapshot,
      need: read,
      text: 'select 1',
      open: true,
      standby: true,
      after: { ...snapshot, keeps: 'transaction', queried: true },
    },
    {
      name: 'until the next of its chain begins',
      before: { ...snapshot, keeps: 'transaction', queried: true },
      need: chain,
      open: true,
      standby: true,
      after: { ...snapshot, modes: [CHAIN] },
    },
    {
      name: 'whose snapshot need not be its own',
      before: { ...snapshot, keeps: 'chain' },
      need: chain,
      open: true,
      standby: true,
      after: { ...snapshot, modes: [CHAIN], keeps: 'chain' },
    },
    {
      name: 'BEGIN READ ONLY on the primary is a transaction',
      before: FREE,
      need: begin(true),
      open: true,
      standby: false,
      after: { kind: 'transaction', stateful: false, readOnly: true },
    },
    {
      name: 'a savepoint would be lost',
      before: reading,
      need: savepoint,
      open: true,
      standby: true,
      after: { ...reading, keeps: 'chain' },
    },
    {
      name: 'AND CHAIN goes on reading, in a transaction that has not failed and of which nothing was answered',
      before: { ...reading, failed: true },
      need: chain,
      open: true,
      standby: true,
      after: { ...reading, modes: [CHAIN] },
    },
    {
      name: 'AND CHAIN on the primary may have made it READ WRITE',
      before: { kind: 'transaction', stateful: false, readOnly: true },
      need: chain,
      open: true,
      standby: false,
      after: inTransaction,
    },
    {
      name: 'a read goes on reading, and is a query',
      before: reading,
      need: read,
      text: 'select 1',
      open: true,
      standby: true,
      after: { ...reading, queried: true },
    },
    {
      name: 'once moved it is a transaction',
      before: reading,
      need: read,
      open: true,
      standby: false,
      after: inTransaction,
    },
    {
      name: 'a COMMIT that did not come through leaves a read-only one what it was: nothing was written',
      before: { kind: 'transaction', stateful: false, readOnly: true },
      need: commit,
      open: true,
      standby: false,
      after: { kind: 'transaction', stateful: false, readOnly: true },
    },
    {
      name: 'SET TRANSACTION READ WRITE may have made it another',
      before: { kind: 'transaction', stateful: false, readOnly: true },
      need: {
        class: 'transaction',
        transaction: { kind: 'other', readOnly: false, standbyCanBegin: false, snapshotPerStatement: false },
      },
      open: true,
      standby: false,
      after: { kind: 'transaction', stateful: false, readOnly: false },
    },
    { name: 'COMMIT frees', before: inTransaction, need: commit, open: false, standby: false, after: FREE },
    {
      name: 'the end of a read-only one frees',
      before: reading,
      need: commit,
      open: false,
      standby: true,
      after: FREE,
    },
    {
      name: 'SET inside of a transaction is remembered',
      before: inTransaction,
      need: session,
      open: true,
      standby: false,
      after: { kind: 'transaction', stateful: true, readOnly: false },
    },
    {
      name: 'and pins when it ends',
      before: { kind: 'transaction', stateful: true, readOnly: false },
      need: commit,
      open: false,
      standby: false,
      after: pinned,
    },
    {
      name: 'a transaction of a pinned client pins again',
      before: pinned,
      need: begin(false),
      open: true,
      standby: false,
      after: { kind: 'transaction', stateful: true, readOnly: false },
    },
  ] satisfies {
    name: string
    before: ClientState
    need: StatementNeed
    text?: string
    open: boolean
    standby: boolean
    unproven?: boolean
    remembered?: boolean
    after: ClientState
  }[])('$name', ({ before, need, text = 'BEGIN READ ONLY', open, standby, unproven, remembered, after }) => {
    expect(
      nextClientState(before, {
        request: { config: { text } },
        need,
        open,
        standby,
        failed: false,
        unproven: unproven === true,
        remembered: remembered === true,
      }),
    ).toEqual(after)
  })
})

describe('a read-only transaction on a standby, after an error', () => {
  const aborted: ClientState = { ...reading, failed: true }
  const after = (before: ClientState, need: StatementNeed, fails: boolean): ClientState =>
    nextClientState(before, { request, need, open: true, standby: true, failed: fails })

  test('has failed, and stays so whatever fails next', () => {
    expect(after(reading, read, true)).toEqual(aborted)
    expect(after(aborted, session, true)).toEqual(aborted)
    expect(after(aborted, savepoint, true)).toEqual(aborted)
  })

  test('is healed by ROLLBACK TO SAVEPOINT, and ended by ROLLBACK', () => {
    expect(after(aborted, savepoint, false)).toEqual({ ...reading, keeps: 'chain' })
    expect(nextClientState(aborted, { request, need: commit, open: false, standby: true, failed: false })).toEqual(FREE)
  })
})

describe('after a cursor, a stream or a COPY', () => {
  const after = (before: ClientState, open: boolean, failed = false, need = read): ClientState =>
    nextStateAfterStream(before, { request: { config: { text: 'select 1' } }, need, open, failed })

  test('a snapshot has been shown, and each statement’s own has not', () => {
    expect(after(snapshot, true)).toEqual({ ...snapshot, keeps: 'transaction', queried: true })
    expect(after(reading, true)).toEqual({ ...reading, queried: true })
    expect(after(snapshot, true, true)).toEqual({ ...snapshot, failed: true })
    expect(after(snapshot, false)).toEqual(FREE)
  })

  test('what it has set pins it, as of any statement', () => {
    expect(after(FREE, false, false, session)).toEqual(pinned)
    expect(after(FREE, false, false, effect('setting'))).toEqual(settings)
    expect(after(FREE, false, true, session)).toEqual(pinned)
    expect(after(inTransaction, true, false, session)).toEqual({ ...inTransaction, stateful: true })
    expect(after(FREE, true, false, session)).toEqual({ ...inTransaction, stateful: true })
    expect(after(reading, false, false, session)).toEqual(pinned)
    expect(after(reading, true, false, session)).toEqual({
      ...reading,
      keeps: 'transaction',
      queried: true,
      stateful: true,
    })
    expect(after(reading, true, false, savepoint)).toEqual({ ...reading, keeps: 'chain' })
    expect(after({ ...reading, stateful: true }, false)).toEqual(pinned)
    expect(after(settings, false, false, effect('reset'))).toEqual(FREE)
    expect(after(pinned, false, false, effect('discard'))).toEqual(FREE)
  })

  test('nothing is pinned by what leaves nothing, and what was stays', () => {
    expect(after(FREE, false)).toEqual(FREE)
    expect(after(pinned, false)).toEqual(pinned)
    expect(after(FREE, true)).toEqual(inTransaction)
    expect(after({ ...inTransaction, stateful: true }, false)).toEqual(pinned)
  })
})

const anyNeed = fc.constantFrom(read, session, begin(true), begin(false), savepoint, commit)

test('state on a connection is never forgotten: once SET has run, the client is never free again', () => {
  const anyStep = fc.record({ need: anyNeed, open: fc.boolean() })
  fc.assert(
    fc.property(fc.array(anyStep), fc.array(anyStep), (prior, later) => {
      const run = (standing: ClientState, steps: typeof prior): ClientState =>
        steps.reduce(
          (before, { need, open }) => nextClientState(before, { request, need, open, standby: false, failed: false }),
          standing,
        )
      const set = nextClientState(run(FREE, prior), {
        request,
        need: session,
        open: false,
        standby: false,
        failed: false,
      })
      expect(run(set, later).kind).not.toBe('free')
    }),
  )
})

test('what is lost stays lost until the release', () => {
  const lost: ClientState = { kind: 'lost', error: new NearestError('NEAREST_CONNECTION_LOST', 'gone') }
  fc.assert(
    fc.property(anyNeed, fc.boolean(), fc.boolean(), (need, open, standby) => {
      expect(nextClientState(lost, { request, need, open, standby, failed: false })).toBe(lost)
    }),
  )
})
