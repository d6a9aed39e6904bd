import { expect, test } from 'vitest'
import { KNOWN } from '../differential/known.ts'
import type { Operation, Step } from '../differential/operation.ts'
import { placeOf } from '../differential/place.ts'

const query = (text: string): Operation => ({ kind: 'query', text })
const cursor = (text: string): Operation => ({ kind: 'cursor', text, reads: [1], close: true })
const SNAPSHOT = query('start transaction isolation level repeatable read, read only')
const READ = query('table hits')

const program = (...operations: readonly Operation[]): Step[] =>
  operations.map((operation) => ({ operation, then: 'await' }))

function bound(role: 'replica' | 'primary', ...operations: readonly Operation[]): boolean {
  const saying = (operation: Operation) => ('form' in operation && operation.form === 'object' ? {} : { role })
  const outcomes = new Map(operations.map((operation, i) => [i, { result: {}, ...saying(operation) }]))
  const transcript = { outcomes, settled: [], rests: new Map(), notices: [], notifications: [], strays: [] }
  return placeOf(program(...operations, query('vacuum items')), transcript, operations.length).bound
}

test.each([
  { name: 'a snapshot that a replica has shown', is: true, of: [SNAPSHOT, READ] },
  { name: 'one that a cursor has shown', is: true, of: [SNAPSHOT, cursor('table hits')] },
  { name: 'one that a query object has shown', is: true, of: [SNAPSHOT, { ...READ, form: 'object' }] },
  { name: 'one that followed a mode', is: false, of: [query('begin read only'), query('set transaction read only')] },
  { name: 'one that has been chained to', is: true, of: [SNAPSHOT, query('commit and chain'), READ] },
  { name: 'another BEGIN, which only warns', is: true, of: [SNAPSHOT, query('BEGIN;')] },
  { name: 'a savepoint', is: true, of: [query('begin read only'), query('savepoint s0'), READ] },
  { name: 'what a function has set', is: true, of: [query('begin read only'), query("select say('hello') as said")] },
  { name: 'a snapshot of which nothing was shown', is: false, of: [SNAPSHOT] },
  { name: 'a snapshot for each statement', is: false, of: [query('begin read only'), READ] },
  { name: 'a transaction that may write', is: false, of: [query('begin isolation level repeatable read'), READ] },
  { name: 'one that has ended', is: false, of: [SNAPSHOT, READ, query('commit'), READ] },
  { name: 'an earlier client’s', is: false, of: [SNAPSHOT, READ, { kind: 'release', close: false, waits: true }] },
] as const)('$name keeps a transaction on its replica: $is', ({ is, of }) => {
  expect(bound('replica', ...of)).toBe(is)
})

test('what the primary has answered is on no replica', () => {
  expect(bound('primary', SNAPSHOT, READ)).toBe(false)
})

test.each([
  { code: '42P01', by: 'COPY', bound: true, known: ['recovery first'] },
  { code: '25001', by: 'VACUUM', bound: true, known: ['recovery first'] },
  { code: '42P01', by: 'COPY', bound: false, known: [] },
  { code: '25001', by: 'VACUUM', bound: false, known: [] },
  { code: '25001', by: 'COPY', bound: true, known: [] },
  { code: '22P02', by: 'COPY', bound: true, known: [] },
])('$code, and a replica that refuses $by, bound: $bound: $known', ({ code, by, bound: isHere, known }) => {
  const pg = { error: { code, message: 'no' } }
  const ours = { error: { code: '25006', message: `cannot execute ${by} during recovery` } }
  const covering = KNOWN.filter(({ covers }) =>
    covers({ what: 'outcome', step: 2, pg, ours }, { bound: isHere, renamesEmpty: false }),
  )
  expect(covering.map(({ name }) => name)).toEqual(known)
})

test.each([
  { message: 'cannot use serializable mode in a hot standby', bound: true, known: ['not on this server'] },
  { message: 'cannot set transaction read-write mode during recovery', bound: true, known: ['not on this server'] },
  { message: 'cannot use serializable mode in a hot standby', bound: false, known: [] },
  { message: 'cached plan must not change result type', bound: true, known: [] },
])('what a replica does not support ($message), bound: $bound: $known', ({ message, bound: isHere, known }) => {
  const ours = { error: { code: '0A000', message } }
  const covering = KNOWN.filter(({ covers }) =>
    covers({ what: 'outcome', step: 2, pg: { result: {} }, ours }, { bound: isHere, renamesEmpty: false }),
  )
  expect(covering.map(({ name }) => name)).toEqual(known)
})

test.each([
  { first: '', then: 'table hits', pg: { command: null }, known: ['names of prepared statements'] },
  { first: '', then: 'table hits', pg: { command: 'SELECT' }, known: [] },
  { first: 'select 1', then: 'table hits', pg: { command: null }, known: [] },
  { first: '', then: '', pg: { command: null }, known: [] },
])('one name for “$first” and “$then”, and pg answers $pg: $known', ({ first, then, pg, known }) => {
  const named = (text: string): Operation => ({ kind: 'query', text, name: 's' })
  const transcript = { outcomes: new Map(), settled: [], rests: new Map(), notices: [], notifications: [], strays: [] }
  const place = placeOf(program(named(first), named(then)), transcript, 1)
  const difference = { what: 'outcome', step: 1, pg: { result: pg }, ours: { error: { code: '42P01' } } } as const
  expect(KNOWN.filter(({ covers }) => covers(difference, place)).map(({ name }) => name)).toEqual(known)
})
