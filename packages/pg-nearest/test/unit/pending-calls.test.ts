import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { callersOf, failOnPending, PendingCalls } from '../pending/pending-calls.ts'
import { watchPools } from '../pending/watch-pools.ts'

const GRACE_MS = 60
const never = new Promise<never>(() => undefined)

/** A pool whose answers a test decides, and the calls that are pending on it. */
function watchedPool() {
  class Client {
    query(_text: string, answer: Promise<unknown>): Promise<unknown> {
      return answer
    }
  }
  class Pool {
    query(_text: unknown, answer: unknown): unknown {
      return typeof answer === 'object' ? answer : undefined
    }
    connect(callback?: (error: undefined, client: Client) => void): Promise<Client> | undefined {
      if (callback === undefined) return Promise.resolve(new Client())
      callback(undefined, new Client())
      return undefined
    }
    transaction(work: () => Promise<unknown>): Promise<unknown> {
      return work()
    }
  }
  const calls = new PendingCalls(GRACE_MS)
  watchPools(Pool.prototype, ['query', 'connect', 'transaction'], calls)
  const overdue = async (): Promise<string[]> => (await calls.overdue(() => true)).map(({ what }) => what)
  return { pool: new Pool(), calls, overdue }
}

test('a promise that never settles is found, with its text and its caller, and told once', async () => {
  const { pool, calls, overdue } = watchedPool()
  void pool.query('select 1', never)
  const found = await calls.overdue(() => true)
  expect(found).toMatchObject([{ what: 'query select 1', pool }])
  expect(found.map(callersOf)).toEqual([expect.stringContaining('pending-calls.test.ts')])
  expect(() => failOnPending(found, 'in the end')).toThrow(
    /1 of the library's promises never settled.*\n\nquery select 1\n/,
  )
  expect(await overdue()).toEqual([])
})

test('what was fulfilled, rejected, or is settled within the grace period is not, and nothing is waited for in vain', async () => {
  const { pool, overdue } = watchedPool()
  await pool.query('select 1', Promise.resolve())
  await expect(pool.query('select 2', Promise.reject(new Error('on purpose')))).rejects.toThrow('on purpose')
  const started = performance.now()
  expect(await overdue()).toEqual([])
  expect(performance.now() - started).toBeLessThan(GRACE_MS / 2)
  void pool.query({ text: 'select 3' }, sleep(GRACE_MS / 3))
  expect(await overdue()).toEqual([])
})

test('a callback that is never called is found', async () => {
  const { pool, overdue } = watchedPool()
  void pool.query({ text: 'select 1' }, () => undefined)
  expect(await overdue()).toEqual(['query select 1'])
})

test('a lent client’s statements are found, however it was lent; and a transaction that does not end', async () => {
  const { pool, overdue } = watchedPool()
  const client = await pool.connect()
  void client?.query('select 1', never)
  void pool.connect((_error, other) => void other.query('select 2', never))
  void pool.transaction(() => never)
  expect(await overdue()).toEqual(['query select 1', 'query select 2', 'transaction'])
})

test('only what matters is waited for', async () => {
  const { pool, calls } = watchedPool()
  const { pool: other } = watchedPool()
  void pool.query('select 1', never)
  expect(await calls.overdue((call) => call.pool === other)).toEqual([])
  expect(calls.has('query select 1', pool)).toBe(true)
  expect(await calls.overdue((call) => call.pool === pool)).toHaveLength(1)
})
