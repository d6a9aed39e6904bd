import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, Transaction } from '../../src/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { rejectionOf } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** A type parser that nobody knows of throws on what was written, and COMMIT was sent along: its caller hears that it was committed. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url('nrt'), 'create table nets (net cidr primary key)')
  await caughtUp(world)
})
afterAll(() => world?.stop())
beforeEach(() => ask(world.url('nrt'), 'truncate nets'))
afterEach(() => pools.destroyAll())

const CIDR = 650
const thrown = Object.assign(new RangeError('no such net'), { code: '40001' })
const parse = (text: string): string => {
  if (text.startsWith('10.')) throw thrown
  return text
}
const insert = (net: string): { text: string; values: unknown[] } => ({
  text: 'insert into nets values ($1) returning net',
  values: [net],
})
const BAD = '10.0.0.0/8'
const GOOD = '192.168.0.0/16'
const COMMITTED = { name: 'NearestError', code: 'NEAREST_COMMITTED', cause: thrown }

const nets = async (): Promise<unknown[]> =>
  (await ask<{ net: string }>(world.url('nrt'), 'select net::text as net from nets order by net')).map(({ net }) => net)

const WAYS: readonly [string, (pool: NearestPool) => Promise<unknown>][] = [
  ['a function that returns the promise of its query', (pool) => pool.transaction((tx) => tx.query(insert(BAD)))],
  ['commitWith', (pool) => pool.transaction((tx) => tx.commitWith(insert(BAD)))],
  [
    'commitWith behind what was awaited',
    (pool) => pool.transaction(async (tx) => (await tx.query('select 1'), await tx.commitWith(insert(BAD)))),
  ],
  ['a batch', (pool) => pool.batch([insert(BAD)], { transaction: true })],
  ['a batch whose first cannot be read', (pool) => pool.batch([insert(BAD), insert(GOOD)], { transaction: true })],
]

const OPTIONS: readonly [string, () => NearestPoolOptions][] = [
  ['one database', () => ({ primary: world.url('nrt') })],
  ['several servers', () => world.poolOptions('ord')],
]

describe.each(OPTIONS)('with %s and a parser of its process: %s', (_, options) => {
  const usual = pg.types.getTypeParser(CIDR)
  beforeEach(() => pg.types.setTypeParser(CIDR, parse))
  afterEach(() => pg.types.setTypeParser(CIDR, usual))

  test.each(WAYS)('%s', async (__, run) => {
    const pool = await pools.start({ ...options(), max: 1 })
    expect(await rejectionOf(run(pool), 'the transaction')).toMatchObject(COMMITTED)
    expect(await nets()).toContain(BAD)
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
    await until(() => pool.idleCount === pool.totalCount, 'all of its connections to be idle')
  })

  test('one that is awaited is rolled back, and told as it is', async () => {
    const pool = await pools.start(options())
    const work = pool.transaction(async (tx) => await tx.query(insert(BAD)))
    expect(await rejectionOf(work, 'the transaction')).toBe(thrown)
    expect(await nets()).toEqual([])
  })

  test('what is committed is not run again', async () => {
    const pool = await pools.start(options())
    let runs = 0
    const work = (tx: Transaction): Promise<unknown> => {
      runs++
      return tx.query(insert(BAD))
    }
    expect(await rejectionOf(pool.transaction({ retries: 3 }, work), 'the transaction')).toMatchObject(COMMITTED)
    expect(runs).toBe(1)
    expect(await nets()).toEqual([BAD])
  })

  test('one that COMMIT refuses, or that failed before, is told by its own error', async () => {
    const pool = await pools.start(options())
    const failed = pool.transaction((tx) => {
      void tx.query('select 1/0')
      return tx.query(insert(BAD))
    })
    expect(await rejectionOf(failed, 'the transaction')).toMatchObject({
      code: expect.stringMatching(/^(?:22012|25P02|NEAREST_ROLLED_BACK)$/),
    })
    expect(await nets()).toEqual([])
  })
})

test.each(WAYS)('with a parser of the connection: %s', async (_, run) => {
  const onConnect = (client: pg.ClientBase): void => client.setTypeParser(CIDR, parse)
  const pool = await pools.start({ ...world.poolOptions('ord'), onConnect })
  expect(await rejectionOf(run(pool), 'the transaction')).toMatchObject(COMMITTED)
  expect(await nets()).toContain(BAD)
})

test('what cannot be put into messages is part of no transaction that commits', async () => {
  const unsendable = insert({ toPostgres: () => JSON.parse('{') } as never)
  for (const [, options] of OPTIONS) {
    const pool = await pools.start(options())
    const ways = [
      () => pool.batch([unsendable, insert(GOOD)], { transaction: true }),
      () => pool.batch([insert(GOOD), unsendable], { transaction: true }),
      () => pool.transaction((tx) => (void tx.query(insert(GOOD)), tx.query(unsendable))),
      () => pool.transaction(async (tx) => (await tx.query(insert(GOOD)), await tx.commitWith(unsendable))),
    ]
    for (const run of ways) {
      expect(await rejectionOf(run(), 'the transaction')).toBeInstanceOf(SyntaxError)
      expect(await nets()).toEqual([])
    }
  }
})

test.each<[string, (tx: Transaction) => unknown]>([
  ['a value that cannot be converted', (tx) => tx.query(insert({ toPostgres: () => JSON.parse('{') } as never))],
  ['values that are no array', (tx) => tx.query(insert(BAD).text, BAD as never)],
  ['neither text nor name', (tx) => tx.query({ values: [BAD] } as never)],
  ['a callback', (tx) => tx.query(insert(BAD).text, [{ toPostgres: () => JSON.parse('{') }], () => undefined)],
])('nor is it where nobody looks at its error: %s', async (_, give) => {
  for (const [, options] of OPTIONS) {
    const pool = await pools.start(options())
    const transaction = pool.transaction(async (tx) => {
      void give(tx)
      await tx.query(insert(GOOD))
      await tx.query('select 1')
    })
    expect(await rejectionOf(transaction, 'the transaction')).toMatchObject({ code: 'NEAREST_ROLLED_BACK' })
    expect(await nets()).toEqual([])
  }
})

test('a transaction that is aborted, or whose time is up, behind its COMMIT', async () => {
  const pool = await pools.start(world.poolOptions('ord'))
  const stop = new AbortController()
  const reason = new Error('enough')
  const commitAndStay = (net: string, then: () => void) => async (tx: Transaction) => {
    await tx.commitWith(insert(net))
    then()
    await new Promise(() => undefined)
  }
  const aborted = pool.transaction(
    { signal: stop.signal },
    commitAndStay(GOOD, () => stop.abort(reason)),
  )
  expect(await rejectionOf(aborted, 'the aborted one')).toMatchObject({ code: 'NEAREST_COMMITTED', cause: reason })
  const late = pool.transaction(
    { timeoutMs: 2_000 },
    commitAndStay(BAD, () => undefined),
  )
  const cause = { code: 'NEAREST_TIMEOUT' }
  expect(await rejectionOf(late, 'the late one')).toMatchObject({ code: 'NEAREST_COMMITTED', cause })
  expect(await nets()).toEqual([BAD, GOOD])
})
