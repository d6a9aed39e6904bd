import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { until } from './fixtures.ts'
import { collectUncaught, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** What a listener asks after it has waited for something is asked on the connection that it was told of, too, whoever has borrowed that meanwhile. */

let world: World
const pools = new TestPools()
const plainPools: pg.Pool[] = []
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', rtt: 5 })
})
afterEach(async () => {
  await pools.destroyAll()
  await Promise.all(plainPools.splice(0).map((pool) => pool.end()))
})
afterAll(() => world.stop())

const nearPool = (): pg.Pool => pools.create({ primary: world.url('nrt'), max: 1 })
function plainPool(): pg.Pool {
  const pool = new pg.Pool({ connectionString: world.url('nrt'), max: 1 })
  plainPools.push(pool)
  return pool
}

const SETTINGS = ["set application_name = 'listening'", "set work_mem = '5MB'", "set statement_timeout = '5s'"]

/** Sets something on each client that it is told of, one statement behind the other. */
type Listening = (client: pg.PoolClient, onSet: () => void) => void

const LISTENERS: [string, Listening][] = [
  [
    'awaits',
    async (client, onSet) => {
      for (const text of SETTINGS) {
        await client.query(text)
        onSet()
      }
    },
  ],
  [
    'is called back',
    (client, onSet) => {
      const [first, ...more] = SETTINGS
      const last = (): void => onSet()
      const inTurn = more.reduceRight((next, text) => () => (onSet(), client.query(text, next)), last)
      client.query(first ?? '', inTurn)
    },
  ],
]

describe.each([
  ['pg.Pool', plainPool],
  ['one database', nearPool],
])('%s: a listener', (_what, poolOf) => {
  describe.each(LISTENERS)('that %s', (_how, listen) => {
    test.each(['connect', 'acquire'] as const)('of %s sets all that it sets', async (event) => {
      const pool = poolOf()
      const uncaught = collectUncaught()
      let count = 0
      pool.once(event, (client) => listen(client, () => count++))
      const client = await settled(pool.connect(), 'connect')
      await settled(client.query('begin'), 'begin')
      await until(() => count === SETTINGS.length, 'the settings')
      await settled(client.query('commit'), 'commit')
      const { rows } = await settled(client.query('show work_mem'), 'the setting')
      expect(rows).toEqual([{ work_mem: '5MB' }])
      client.release()
      uncaught.stop()
      expect(uncaught.errors).toEqual([])
    })

    test('goes on when the client is released at once, and lent again', async () => {
      const pool = poolOf()
      const uncaught = collectUncaught()
      let count = 0
      pool.on('connect', (client) => listen(client, () => count++))
      const first = await settled(pool.connect(), 'connect')
      first.release()
      const second = await settled(pool.connect(), 'connect')
      await until(() => count === SETTINGS.length, 'the settings')
      expect(second).toBe(first)
      expect((await second.query('show work_mem')).rows).toEqual([{ work_mem: '5MB' }])
      second.release()
      uncaught.stop()
      expect(uncaught.errors).toEqual([])
    })
  })

  test('sets parsers after it has awaited something', async () => {
    const pool = poolOf()
    let isSet = false
    pool.on('connect', async (client) => {
      const { rows } = await client.query<{ oid: number }>("select 'numeric'::regtype::oid as oid")
      client.setTypeParser(rows[0]?.oid ?? 0, Number)
      isSet = true
    })
    const client = await settled(pool.connect(), 'connect')
    await until(() => isSet, 'the parser')
    expect((await client.query('select 1.5 as n')).rows).toEqual([{ n: 1.5 }])
    client.release()
    expect((await pool.query('select 2.5 as n')).rows).toEqual([{ n: 2.5 }])
  })
})

test('what a listener borrows is its own until it releases it', async () => {
  const pool = nearPool()
  const answers: unknown[] = []
  pool.once('connect', async () => {
    const client = await pool.connect()
    await client.query('begin')
    client.release()
    answers.push(await client.query('select 1').catch((error: unknown) => error))
  })
  await settled(pool.query('select 1'), 'a read')
  await until(() => answers.length > 0, 'the listener')
  expect(String(answers[0])).toMatch(/was released to the pool/)
  expect((await settled(pool.query('select pg_current_xact_id_if_assigned() as id'), 'the next')).rows).toEqual([
    { id: null },
  ])
})
