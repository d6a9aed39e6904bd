import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestPools } from './test-pools.ts'

/** A client of pg's calls the callback that a query object has; a pool does not. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 2 })
})
afterAll(async () => {
  await pools.destroyAll()
  await world?.stop()
})
const MAKERS = {
  pg: () => new pg.Pool({ connectionString: world.url('nrt'), max: 2 }),
  one: () => pools.create({ primary: world.url('nrt'), max: 2 }) as unknown as pg.Pool,
  near: () => pools.create(world.poolOptions('ord')) as unknown as pg.Pool,
}
test.each(Object.keys(MAKERS) as (keyof typeof MAKERS)[])(
  '%s: a callback in the options of client.query()',
  async (which) => {
    const pool = MAKERS[which]()
    const client = await pool.connect()
    const said: string[] = []
    const unhandled: unknown[] = []
    const hear = (error: unknown): void => void unhandled.push((error as Error).message)
    const before = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', hear)
    const ask = (text: string): void => {
      const returned: unknown = client.query({
        text,
        callback: (error: Error | null, result: pg.QueryResult) =>
          said.push(error ? error.message : JSON.stringify(result.rows)),
      } as never)
      said.push(String(returned))
    }
    ask('select 1 as one')
    ask('select 1/0')
    await sleep(300)
    process.removeAllListeners('unhandledRejection')
    for (const each of before) process.on('unhandledRejection', each)
    client.release()
    await pool.end()
    expect({ said, unhandled }).toEqual({
      said: ['undefined', 'undefined', '[{"one":1}]', 'division by zero'],
      unhandled: [],
    })
  },
)

test.each(['one', 'near'] as const)(
  '%s: what is no callback, on the pool, where pg would end the process',
  async (which) => {
    const pool = MAKERS[which]()
    const ask = pool.query.bind(pool) as unknown as (...args: unknown[]) => Promise<unknown>
    await expect(ask('select 1', [], 5)).rejects.toThrow(new TypeError('callback is not a function'))
    await pool.end()
  },
)
