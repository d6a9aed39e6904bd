import { expect, test } from 'vitest'
import { CHAIN, FREE, nextClientState, type ClientState } from '../../src/client-state/client-state-machine.ts'
import { factsOf } from '../../src/statement/text-facts.ts'

/** What a transaction that only reads begins again with, on the primary or on another standby. */
/** Where a read-only transaction on a standby is after these statements; an error stands for one that failed. */
const after = (...texts: readonly (string | Error)[]): ClientState => {
  let state: ClientState = FREE
  for (const each of ['begin read only', ...texts]) {
    const failed = each instanceof Error
    const text = failed ? 'select 1/0' : each
    const { need } = factsOf(text)
    state = nextClientState(state, { request: { config: { text } }, need, open: true, standby: true, failed })
  }
  return state
}
const requests = (...texts: readonly string[]) => texts.map((text) => (text === 'chain' ? CHAIN : { config: { text } }))
const REPEATABLE = 'set transaction isolation level repeatable read'
const BEGIN_REPEATABLE = 'begin isolation level repeatable read'
const COMMITTED = 'set transaction isolation level read committed, read only'
const FAILED = new Error('division by zero')

test.each([
  { of: ['set transaction read only'], modes: requests('set transaction read only') },
  { of: ['set transaction read only', 'select 1'], modes: requests('set transaction read only') },
  { of: [REPEATABLE], modes: requests(REPEATABLE), perStatement: false },
  { of: [REPEATABLE, COMMITTED], modes: requests(REPEATABLE, COMMITTED), perStatement: false },
  { of: [REPEATABLE, 'select 1'], modes: requests(REPEATABLE), perStatement: false, keeps: 'transaction' },
  { of: [REPEATABLE, 'select 1', 'end and chain'], modes: requests(REPEATABLE, 'chain'), perStatement: false },
  { of: ["set local a.b = '1'"], modes: [], locals: requests("set local a.b = '1'") },
  { of: ["set local a.b = '1'", 'commit and chain'], modes: requests('chain') },
  { of: ['commit and chain', 'rollback and chain', 'commit and chain'], modes: requests('chain') },
  { of: ['commit and chain', COMMITTED], modes: requests('chain', COMMITTED) },
  { of: ['commit and chain', COMMITTED, 'commit and chain'], modes: requests(COMMITTED, 'chain') },
  { of: ['commit and chain', COMMITTED, FAILED, 'commit and chain'], modes: requests('chain') },
  { of: [COMMITTED, 'commit and chain', FAILED, 'commit and chain'], modes: requests(COMMITTED, 'chain') },
  { of: [COMMITTED, FAILED, 'commit and chain'], modes: requests('chain') },
  { of: ['commit and chain', REPEATABLE, FAILED, 'end and chain', 'select 1'], modes: requests('chain') },
  { of: ['set local transaction read only'], modes: requests('set local transaction read only') },
  { of: ['set session transaction read only'], modes: requests('set session transaction read only') },
  { of: [BEGIN_REPEATABLE], modes: requests(BEGIN_REPEATABLE), perStatement: false },
  { of: ['savepoint a', BEGIN_REPEATABLE], modes: [], keeps: 'chain' },
  { of: ['savepoint a', COMMITTED], modes: [], keeps: 'chain' },
  { of: ["set transaction snapshot '1'"], modes: [], keeps: 'chain' },
  { of: ['set constraints all deferred'], modes: [], keeps: 'chain' },
  { of: ['set transaction read write'], modes: [], keeps: 'chain' },
])('$of', ({ of, modes, locals = [], perStatement = true, keeps = 'nothing' }) => {
  expect(after(...of)).toMatchObject({ kind: 'reading', modes, locals, snapshotPerStatement: perStatement, keeps })
})

test('what is chained to one that has failed has not its isolation level', () => {
  let state: ClientState = FREE
  for (const text of ['begin isolation level repeatable read read only', 'select 1/0', 'end and chain']) {
    const { need } = factsOf(text)
    const failed = text === 'select 1/0'
    state = nextClientState(state, { request: { config: { text } }, need, open: true, standby: true, failed })
  }
  const [begin] = requests('BEGIN READ ONLY')
  expect(state).toMatchObject({ begin, modes: [CHAIN], snapshotPerStatement: true, keeps: 'nothing' })
})
