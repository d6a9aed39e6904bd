import { setTimeout as sleep } from 'node:timers/promises'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isOutcomeUnknownError, type BatchOutcome, type BatchStatement, type NearestPool } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { collectUncaught, rejectionOf, settled, terminate } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** Many statements on one connection, and each has its own end. */
let world: World
let pool: NearestPool
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url('nrt'), 'create table notes (n int primary key, text text)')
  await caughtUp(world)
})
afterAll(() => world?.stop())
beforeEach(async () => {
  await ask(world.url('nrt'), 'truncate notes')
  pool = await pools.start(world.poolOptions('ord'))
})
afterEach(() => pools.destroyAll())

const insert = (n: number): { text: string; values: unknown[] } => ({
  text: 'insert into notes values ($1, $2) returning n',
  values: [n, `note ${n}`],
})
const DIVISION = { code: '22012' }
const written = async (): Promise<number[]> =>
  (await ask<{ n: number }>(world.url('nrt'), 'select n from notes order by n')).map(({ n }) => n)

/** What each gave: its first value and who served it, or its error's code. */
function shown(outcomes: readonly BatchOutcome[]): unknown[] {
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') return (outcome.reason as { code?: string }).code ?? String(outcome.reason)
    const [row] = outcome.value.rows as Record<string, unknown>[]
    return [Object.values(row ?? {})[0], outcome.value.servedBy.server]
  })
}

test('reads ahead of the first write are read near, and all else runs on the primary, in its order', async () => {
  const outcomes = await pool.batch([
    'select 1',
    'select count(*)::int from notes',
    insert(1),
    'select count(*)::int from notes',
    insert(2),
    'select count(*)::int from notes',
  ])
  const near = [
    [1, 'ord'],
    [0, 'ord'],
  ]
  expect(shown(outcomes)).toEqual([...near, [1, 'nrt'], [1, 'nrt'], [2, 'nrt'], [2, 'nrt']])
  // Its session sees them wherever it reads.
  expect((await pool.query('select count(*)::int as n from notes')).rows).toEqual([{ n: 2 }])
})

test('each has its own result or error, and undoes nothing of the others', async () => {
  const outcomes = await pool.batch([
    'select 1/0',
    { text: 'select $1::int', values: [7], rowMode: 'array' },
    { text: 'select $1::int', values: ['seven'] },
    { text: 'select $1', values: [{ toPostgres: () => JSON.parse('{') }] },
    'select from nowhere',
    insert(1),
    insert(1),
    'select 1/0',
    { ...insert(2), name: 'named' },
    { ...insert(3), name: 'named' },
    'select 1 as one; select 2 as two',
    '',
  ])
  const ends = outcomes.map((outcome) =>
    outcome.status === 'fulfilled' ? 'ok' : ((outcome.reason as { code?: string }).code ?? outcome.reason.name),
  )
  const reads = ['22012', 'ok', '22P02', 'SyntaxError', '42P01']
  expect(ends).toEqual([...reads, 'ok', '23505', '22012', 'ok', 'ok', 'ok', 'ok'])
  expect(await written()).toEqual([1, 2, 3])
  await expect.poll(() => pool.totalCount - pool.idleCount).toBe(0)
})

test('takes one connection to each server, and gives it back', async () => {
  await using narrow = await pools.start({ ...world.poolOptions('ord'), max: 1 })
  let acquired = 0
  narrow.on('acquire', () => acquired++)
  const reads = Array.from({ length: 50 }, (_, i) => ({ text: 'select $1::int as n', values: [i] }))
  const outcomes = await settled(narrow.batch([...reads, insert(1), insert(2)]), 'the batch')
  expect(shown(outcomes).slice(0, 50)).toEqual(reads.map(({ values }) => [values[0], 'ord']))
  expect(acquired).toBe(2)
  expect((await settled(narrow.query('select 1 as n'), 'a read')).rows).toEqual([{ n: 1 }])
})

test('nothing is nothing, and ten thousand are ten thousand', async () => {
  expect(await pool.batch([])).toEqual([])
  expect(await pool.batch([], { transaction: true })).toEqual([])
  const many = Array.from({ length: 10_000 }, (_, n) => insert(n))
  const alone = await settled(pool.batch(many), 'the batch', 30_000)
  expect(shown(alone)).toEqual(many.map((_, n) => [n, 'nrt']))
  expect(await written()).toHaveLength(10_000)
  await ask(world.url('nrt'), 'truncate notes')
  const together = await settled(pool.batch(many, { transaction: true }), 'the transaction', 30_000)
  expect(together.map(({ rows }) => rows[0]?.['n'] as number)).toEqual(many.map((_, n) => n))
  expect(await written()).toHaveLength(10_000)
})

test('what one of them does to its connection, or to its rows, is not held against the others', async () => {
  const types = {
    getTypeParser: () => () => {
      throw new Error('a parser with a bug')
    },
  }
  const outcomes = await settled(
    pool.batch([
      'select 1',
      { text: 'select 2', types } as BatchStatement,
      'select 3',
      'copy (select 4) to stdout',
      'select 5',
      insert(6),
      'set local statement_timeout = 1',
      'select 7, pg_terminate_backend(pg_backend_pid()) for update',
      'select 8',
    ]),
    'the batch',
  )
  const [one, parsed, three, , five, six, , killed, eight] = shown(outcomes)
  expect([one, three, five, six]).toEqual([
    [1, 'ord'],
    [3, 'ord'],
    [5, expect.any(String)],
    [6, 'nrt'],
  ])
  expect([parsed, killed]).toEqual(['Error: a parser with a bug', '08007'])
  // A read that the connection died under is run again.
  expect(eight).toEqual([8, 'nrt'])
  expect(await written()).toEqual([6])
  expect((await settled(pool.batch(['select 9', insert(9)]), 'the next batch')).map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
  ])
})

test('values that use the pool, or end it, while they are sent', async () => {
  const uncaught = collectUncaught()
  let inner: Promise<unknown> | undefined
  const asking = { toPostgres: () => ((inner = pool.batch(['select 1', insert(2)])), 1) }
  const outcomes = await settled(
    pool.batch(['select 1', { ...insert(1), values: [asking, 'note'] }, 'select 3']),
    'the outer batch',
  )
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
  await settled(inner ?? Promise.reject(new Error('never asked')), 'the inner batch')
  expect(await written()).toEqual([1, 2])
  const ending = { toPostgres: () => (void pool.end(), 4) }
  const last = await settled(
    pool.batch(['select 1', { ...insert(4), values: [ending, 'note'] }, insert(5)]),
    'the last batch',
  )
  expect(last.map(({ status }) => status).slice(0, 1)).toEqual(['fulfilled'])
  uncaught.stop()
  expect(uncaught.errors).toEqual([])
})

describe('in one transaction', () => {
  test('that is aborted: its reason, and nothing is written or held', async () => {
    const stop = new AbortController()
    const running = pool.batch([insert(1), "select pg_sleep(5), 'aborted' for update", insert(2)], {
      transaction: true,
      signal: stop.signal,
    })
    setTimeout(() => stop.abort(new Error('enough')), 150)
    await expect(settled(running, 'the batch')).rejects.toThrow('enough')
    await expect.poll(() => pool.totalCount - pool.idleCount).toBe(0)
    expect(await written()).toEqual([])
  })

  test('all or nothing, with the error of the first that failed', async () => {
    await pool.batch([insert(1), insert(2)], { transaction: true })
    const failing = pool.batch([insert(3), insert(1), 'select 1/0', insert(4)], { transaction: true })
    await expect(failing).rejects.toMatchObject({ code: '23505' })
    await expect(pool.batch([insert(5), 'select 1/0'], { transaction: true })).rejects.toMatchObject(DIVISION)
    await expect(pool.batch([insert(6), insert(6)], { transaction: true, retries: 3 })).rejects.toMatchObject({
      code: '23505',
    })
    expect(await written()).toEqual([1, 2])
  })

  test('whose connection dies: the outcome is unknown, and it is not run twice', async () => {
    const dying = pool.batch([insert(1), "select pg_sleep(5), 'dying'"], { transaction: true })
    const [error] = await Promise.all([rejectionOf(dying, 'the batch'), terminate(world.url('nrt'), 'select pg_sleep')])
    expect(isOutcomeUnknownError(error)).toBe(true)
    await sleep(50)
    expect(await written()).toEqual([])
  })
})

test('a connection that dies in the middle: what was answered stands, and no write runs again', async () => {
  const uncaught = collectUncaught()
  const dying = pool.batch([insert(1), insert(2), "select pg_sleep(5), 'dying' for update", insert(3), insert(4)])
  await terminate(world.url('nrt'), 'select pg_sleep')
  const outcomes = await settled(dying, 'the batch')
  expect(shown(outcomes.slice(0, 2))).toEqual([
    [1, 'nrt'],
    [2, 'nrt'],
  ])
  for (const outcome of outcomes.slice(2)) {
    expect(outcome.status === 'rejected' && isOutcomeUnknownError(outcome.reason)).toBe(true)
  }
  expect(await written()).toEqual([1, 2])
  uncaught.stop()
  expect(uncaught.errors).toEqual([])
})

test('a connection that dies under hundreds of reads: all are answered elsewhere', async () => {
  const reads = Array.from({ length: 300 }, (_, i) => ({ text: 'select $1::int as n', values: [i] }))
  const ends = pool.batch(['select 0 from (select pg_sleep(2)) as dying', ...reads])
  const ended = settled(ends, 'the reads', 30_000)
  const [again] = await Promise.all([ended, terminate(world.url('ord'), 'select 0 from')])
  expect(again.map(({ status }) => status)).toEqual(again.map(() => 'fulfilled'))
})

test('an abort and a time-out end all of it with their reason, and leave nothing running', async () => {
  const stop = new AbortController()
  const slow: BatchStatement[] = [insert(1), 'select pg_sleep(5) for update', insert(2)]
  const aborted = pool.batch(slow, { signal: stop.signal })
  await terminateNothing(() => stop.abort(new Error('enough')))
  const ends = await settled(aborted, 'the batch')
  expect(ends.map((end) => (end.status === 'rejected' ? (end.reason as Error).message : 'ok'))).toEqual([
    'ok',
    'enough',
    'enough',
  ])
  const late = await settled(pool.batch(['select pg_sleep(5)', 'select 1'], { timeoutMs: 200 }), 'the late one')
  expect(shown(late)).toEqual(['NEAREST_TIMEOUT', 'NEAREST_TIMEOUT'])
  const before = await settled(pool.batch(['select 1'], { signal: AbortSignal.abort(new Error('no')) }), 'the last')
  expect(shown(before)).toEqual(['Error: no'])
  const running = "select 1 from pg_stat_activity where state = 'active' and query like 'select pg_sleep(5)%'"
  await expect
    .poll(() => Promise.all(['nrt', 'ord'].map((region) => ask(world.url(region), running))))
    .toEqual([[], []])
})

/** Waits until the batch has come to what is slow. */
async function terminateNothing(then: () => void): Promise<void> {
  await expect.poll(written).toEqual([1])
  await sleep(50)
  then()
}

test.each<[string, BatchStatement, RegExp]>([
  ['BEGIN', 'begin', /transaction: true/],
  ['COMMIT among others', 'select 1; commit', /transaction: true/],
  ['COPY', 'copy notes from stdin', /COPY/],
  ['a cursor', new Cursor('select 1') as unknown as BatchStatement, /cursor/],
  ['a stream', new QueryStream('select 1') as unknown as BatchStatement, /cursor or a stream/],
  ['a name alone', { name: 'by-name' } as unknown as BatchStatement, /has no text/],
  ['a signal of its own', { text: 'select 1', signal: AbortSignal.timeout(9) } as BatchStatement, /limit of its own/],
  ['a limit of its own', { text: 'select 1', query_timeout: 5 } as BatchStatement, /limit of its own/],
  ['a consistency', { text: 'select 1', consistency: 'strong' } as BatchStatement, /consistency/],
  ['no query', null as unknown as BatchStatement, /null or undefined query/],
])('%s in it: nothing is sent', async (_, statement, message) => {
  const given = [insert(1), statement]
  await expect(pool.batch(given)).rejects.toThrow(message)
  await expect(pool.batch(given, { transaction: true })).rejects.toThrow(message)
  expect(await written()).toEqual([])
})

test.each<[string, unknown, object]>([
  ['a text', 'select 1', {}],
  ['a wrong name', [], { transactoin: true }],
  ['a word for a truth value', [], { transaction: 'yes' }],
  ['an isolation level alone', [], { isolationLevel: 'serializable' }],
  ['no signal', [], { signal: 'stop' }],
  ['no time', ['select 1'], { timeoutMs: -1 }],
])('%s instead of what it takes: an OptionError', async (_, statements, options) => {
  await expect(pool.batch(statements as string[], options)).rejects.toMatchObject({
    code: 'NEAREST_BAD_OPTION',
  })
})

test('through a read-only handle nothing writes, and a session and one database have it, too', async () => {
  const refused = await pool.replica().batch(['select 1', insert(1), 'select 2'])
  expect(shown(refused)).toEqual([[1, 'ord'], 'NEAREST_READ_ONLY_HANDLE', [2, 'ord']])
  const session = pool.session()
  await session.batch([insert(1)])
  expect((await session.query('select n from notes')).rows).toEqual([{ n: 1 }])
  const one = await pools.start({ primary: world.url('nrt'), pipeline: false })
  expect(shown(await one.batch(['select 1', insert(2), 'select 3'])).map((each) => (each as unknown[])[0])).toEqual([
    1, 2, 3,
  ])
  expect(await written()).toEqual([1, 2])
  await one.end()
  expect(shown(await one.batch(['select 1']))).toEqual(['NEAREST_ENDED'])
})

test('none is sent again behind what follows it, though names of prepared statements are gone', async () => {
  await ask(
    world.url('nrt'),
    `create table settings (id int primary key, value int); insert into settings values (1, 0);
     create function forget() returns void language plpgsql as $$ begin execute 'deallocate all'; end $$`,
  )
  const set = (value: number): { text: string; values: unknown[] } => ({
    text: 'update settings set value = $1 where id = 1',
    values: [value],
  })
  for (const options of [{ primary: world.url('nrt') }, world.poolOptions('nrt')]) {
    const alone = await pools.start({ ...options, max: 1 })
    for (let i = 0; i < 5; i++) await alone.query(set(0))
    await alone.query('select forget()')
    const outcomes = await alone.batch([set(1), 'update settings set value = 2 where id = 1'])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    expect((await alone.primary.query('select value from settings')).rows).toEqual([{ value: 2 }])
  }
})
