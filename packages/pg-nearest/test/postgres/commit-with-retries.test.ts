import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { ask } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** `commitWith()` in a transaction that may be run again. */
let world: World
let pool: NearestPool
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', rtt: 1 })
  await ask(world.url('nrt'), 'create table notes (id int generated always as identity, text text)')
  pool = await pools.start(world.poolOptions('nrt'))
})
afterAll(async () => {
  await pools.destroyAll()
  await world?.stop()
})
beforeEach(() => ask(world.url('nrt'), 'truncate notes'))
const notes = async (): Promise<unknown[]> =>
  (await ask<{ text: string }>(world.url('nrt'), 'select text from notes order by id')).map(({ text }) => text)

const SERIALIZATION = "do $$ begin raise exception 'elsewhere' using errcode = '40001'; end $$"

test('what was committed by commitWith is not repeated for what its function throws afterwards', async () => {
  const work = pool.transaction({ retries: 2 }, async (tx) => {
    await tx.commitWith("insert into notes (text) values ('once')")
    await pool.query(SERIALIZATION)
  })
  await expect(work).rejects.toMatchObject({ code: '40001' })
  expect(await notes()).toEqual(['once'])
})

test('the same side by side', async () => {
  const work = pool.transaction({ retries: 2 }, async (tx) => {
    await Promise.all([tx.commitWith("insert into notes (text) values ('once')"), pool.query(SERIALIZATION)])
  })
  await expect(work).rejects.toMatchObject({ code: '40001' })
  expect(await notes()).toEqual(['once'])
})

test('a commitWith that is not awaited and fails ends no process', async () => {
  const unhandled: unknown[] = []
  const hear = (error: unknown): void => void unhandled.push(error)
  const before = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', hear)
  const work = pool.transaction(async (tx) => {
    void tx.commitWith('select 1/0')
    await new Promise((resolve) => setTimeout(resolve, 50))
  })
  await expect(work).rejects.toMatchObject({ code: 'NEAREST_ROLLED_BACK' })
  await new Promise((resolve) => setTimeout(resolve, 50))
  process.off('unhandledRejection', hear)
  for (const each of before) process.on('unhandledRejection', each)
  expect(unhandled).toEqual([])
})

test('commitWith refuses a query with a callback ahead of sending it', async () => {
  const called: unknown[] = []
  const work = pool.transaction(async (tx) => {
    const query = { text: "insert into notes (text) values ('called back')", callback: () => called.push('called') }
    return tx.commitWith(query as never)
  })
  await expect(work).rejects.toThrow(/commitWith\(\) takes a query and its values/)
  expect({ called, notes: await notes() }).toEqual({ called: [], notes: [] })
})

test.each([
  { first: 'commit', then: 'select 1', runs: 1, kept: ['written'] },
  { first: 'select 1', then: 'commit', runs: 3, kept: [] },
])('a text that is $first, and $then when it is read again, is read once', async ({ first, then, runs, kept }) => {
  let count = 0
  const work = pool.transaction({ retries: 2 }, async (tx) => {
    count++
    await tx.query("insert into notes (text) values ('written')")
    let isRead = false
    const query = {
      get text() {
        const text = isRead ? then : first
        isRead = true
        return text
      },
    }
    await tx.query(query)
    await pool.query(SERIALIZATION)
  })
  await expect(work).rejects.toMatchObject({ code: '40001' })
  expect({ count, notes: await notes() }).toEqual({ count: runs, notes: kept })
})
