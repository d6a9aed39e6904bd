import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { contract } from '../contract/all.ts'
import { describeContract, headingsOfPage, listedDifferences, listedHeadings } from '../contract/contract-suite.ts'
import { ask } from './fixtures.ts'

/** The same cases with `pg.Pool` and with ours, of one database. `long/contract-of-several` has them with several servers. */
let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: [] })
  await ask(world.url('nrt'), 'create table contract (id int primary key, name text)')
})
afterAll(() => world?.stop())

const url = (): string => world.url('nrt')

test('there are enough cases, each with a name of its own, and the page tells the few differences that are listed', () => {
  const names = contract.map(({ name }) => name)
  expect(names.length).toBeGreaterThanOrEqual(280)
  expect(new Set(names).size).toBe(names.length)
  expect(headingsOfPage()).toEqual(listedHeadings())
  expect(headingsOfPage().length).toBeLessThanOrEqual(15)
  expect([...listedDifferences('several')].filter((name) => !names.includes(name))).toEqual([])
})

describeContract({
  name: 'pg.Pool',
  url,
  make: (connectionString, options) => new pg.Pool({ connectionString, ...options }),
  async end(pool) {
    const { _clients: clients } = pool as unknown as { readonly _clients: readonly pg.Client[] }
    for (const client of clients) client.end().catch(() => undefined)
    if (!pool.ending) pool.end().catch(() => undefined)
  },
  differs: new Set(),
})

describeContract({
  name: 'one database',
  url,
  make: (primary, options) => createPool({ primary, ...options }),
  end: (pool) => (pool as NearestPool).destroy(),
  differs: listedDifferences('one'),
})
