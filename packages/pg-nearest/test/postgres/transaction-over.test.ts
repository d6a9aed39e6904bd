import { setTimeout as sleep } from 'node:timers/promises'
import { from, to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, Transaction } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { errorOf, rejectionOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

const BOUND_MS = 5_000

/** What a function passed to transaction() asks for when it has ended is not part of it, and so is not run at all. */
let world: World
let pool: NearestPool
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url('nrt'), 'create table notes (text text)')
  await caughtUp(world)
})
afterAll(() => world?.stop())
beforeEach(async () => {
  await ask(world.url('nrt'), 'truncate notes')
  pool = await pools.start(world.poolOptions('ord'))
  await pool.primary.query('select 1')
})
afterEach(async () => {
  world.setRtt('nrt', 'ord', 10)
  await pools.destroyAll()
})

const notes = async (): Promise<unknown[]> =>
  (await ask<{ text: string }>(world.url('nrt'), 'select text from notes order by text')).map(({ text }) => text)

const insert = (text: string): string => `insert into notes values ('${text}')`

const OVER = { code: 'NEAREST_TRANSACTION_OVER' }
const thrown = new Error('the function has thrown')

/** Two loops at once: the second write of each is given behind the answer to its first. Passes their errors on. */
function loops(tx: Transaction): Promise<unknown>[] {
  const loop = async (name: string): Promise<void> => {
    await tx.query(insert(`${name}1`))
    await tx.query(insert(`${name}2`))
  }
  return ['a', 'b'].map((name) => errorOf(BOUND_MS, name, loop(name)))
}

describe('a loop that nobody waits for', () => {
  test('what was given in time is committed, and the rest refused', async () => {
    const running: Promise<unknown>[] = []
    const work = pool.transaction((tx) => void running.push(...loops(tx)))
    await settled(work, 'the transaction')
    expect(await Promise.all(running)).toEqual([expect.objectContaining(OVER), expect.objectContaining(OVER)])
    expect(await notes()).toEqual(['a1', 'b1'])
  })

  test.each([
    {
      what: 'an async function',
      begin: (loop: (tx: Transaction) => void) => async (tx: Transaction) => {
        loop(tx)
        await Promise.reject(thrown)
      },
    },
    {
      what: 'a function',
      begin: (loop: (tx: Transaction) => void) => (tx: Transaction) => {
        loop(tx)
        throw thrown
      },
    },
  ])('$what that throws leaves nothing of it', async ({ begin }) => {
    const running: Promise<unknown>[] = []
    const work = pool.transaction(begin((tx) => void running.push(...loops(tx))))
    expect(await rejectionOf(work, 'the transaction')).toBe(thrown)
    expect(await Promise.all(running)).toEqual([expect.objectContaining(OVER), expect.objectContaining(OVER)])
    expect(await notes()).toEqual([])
  })
})

describe('while COMMIT is on its way', () => {
  /** Runs a transaction over a slow link, and gives something to it 50 ms behind its function's end. */
  async function lateIn<T>(late: (tx: Transaction) => T | Promise<T>): Promise<T> {
    let answer: Promise<T> | undefined
    const work = pool.transaction(async (tx) => {
      await tx.query(insert('in time'))
      world.setRtt('nrt', 'ord', 400)
      answer = sleep(50).then(() => late(tx))
      answer.catch(() => undefined)
    })
    await settled(work, 'the transaction')
    if (answer === undefined) throw new Error('the function was not run')
    return answer
  }

  test('what a timer asks for rejects', async () => {
    expect(await lateIn((tx) => rejectionOf(tx.query(insert('late')), 'it'))).toMatchObject(OVER)
    expect(await notes()).toEqual(['in time'])
  })

  test('a callback gets the error, and not before query() has returned', async () => {
    const error = await lateIn(async (tx) => {
      let returned = false
      const called = new Promise((resolve) => {
        tx.query(insert('late'), (reason) => resolve([returned, reason]))
      })
      returned = true
      return settled(called, 'the callback')
    })
    expect(error).toEqual([true, expect.objectContaining(OVER)])
    expect(await notes()).toEqual(['in time'])
  })

  test.each([
    { what: 'a cursor', make: () => new Cursor(`${insert('late')} returning text`) },
    { what: 'a stream', make: () => new QueryStream(`${insert('late')} returning text`) },
    { what: 'a COPY FROM', make: () => from('copy notes from stdin') },
    { what: 'a COPY TO', make: () => to('copy notes to stdout') },
  ])('$what, which has no promise, is refused by throwing', async ({ make }) => {
    const given = lateIn((tx) => void tx.query(make()))
    expect(await rejectionOf(given, 'it')).toMatchObject(OVER)
    expect(await notes()).toEqual(['in time'])
  })
})

test('what was given before the function ended is part of it, though nobody waits for it', async () => {
  const given: Promise<unknown>[] = []
  const work = pool.transaction((tx) => void given.push(...['a', 'b', 'c'].map((text) => tx.query(insert(text)))))
  await settled(work, 'the transaction')
  await settled(Promise.all(given), 'the writes')
  expect(await notes()).toEqual(['a', 'b', 'c'])
})

test.each([
  { what: 'a cursor', open: async (tx: Transaction) => tx.query(new Cursor('select generate_series(1, 100)')).read(2) },
  { what: 'a cursor that nobody reads', open: async (tx: Transaction) => void tx.query(new Cursor('select 1')) },
  {
    what: 'a COPY',
    open: async (tx: Transaction) => void tx.query(from('copy notes from stdin')).on('error', () => undefined),
  },
])('a function that throws, and leaves $what open: it is rolled back, and the pool can be ended', async ({ open }) => {
  const work = pool.transaction(async (tx) => {
    await tx.query(insert('left'))
    await open(tx)
    throw thrown
  })
  expect(await rejectionOf(work, 'the transaction')).toBe(thrown)
  expect(await notes()).toEqual([])
  await settled(pool.end(), 'end()')
})
