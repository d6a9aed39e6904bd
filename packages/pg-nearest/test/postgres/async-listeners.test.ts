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
  [
    'is called back by what it gives',
    (client, onSet) => {
      const [first, ...more] = SETTINGS
      const given = (text: string | undefined, callback: () => void): void =>
        void client.query(Object.freeze({ text, callback }) as never)
      const last = (): void => onSet()
      const inTurn = more.reduceRight((next, text) => () => (onSet(), given(text, next)), last)
      given(first, inTurn)
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

    test('goes on when the client is released at once, and nobody has it', async () => {
      const pool = poolOf()
      let count = 0
      pool.on('connect', (client) => listen(client, () => count++))
      const first = await settled(pool.connect(), 'connect')
      first.release()
      await until(() => count === SETTINGS.length, 'the settings')
      expect((await pool.query('show work_mem')).rows).toEqual([{ work_mem: '5MB' }])
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

  test('that returns a promise leaves it to whoever handles that', async () => {
    const pool = poolOf()
    const uncaught = collectUncaught()
    const refused: unknown[] = []
    pool.once('connect', (client) => {
      const asked = client.query('select missing')
      asked.catch((error: unknown) => refused.push(error))
      return asked
    })
    await settled(pool.query('select 1'), 'a read')
    await until(() => refused.length > 0, 'its error')
    await settled(pool.query('select 1'), 'the next')
    expect(uncaught.errors).toEqual([])
    pool.once('acquire', async () => {
      await Promise.resolve()
      throw new Error('nobody handles it')
    })
    await settled(pool.query('select 1'), 'another one')
    await until(() => uncaught.errors.length > 0, 'what nobody handles')
    uncaught.stop()
    expect(uncaught.errors.map(String)).toEqual(['Error: nobody handles it'])
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

/** Whatever is run by it descends from a listener. */
interface Loop {
  run<T>(job: () => T | Promise<T>): Promise<T>
}
const STARTS: Record<string, (start: () => void) => () => unknown> = {
  'has started': (start) => () => start(),
  'that returns a promise has started': (start) => async () => {
    await Promise.resolve()
    start()
  },
}
/** A server, or a worker, that is started when the pool is connected. */
function loopOf(pool: pg.Pool, startsIn: (start: () => void) => () => unknown): Loop {
  const jobs: (() => void)[] = []
  const start = (): void => {
    const loop = setInterval(() => {
      for (const job of jobs.splice(0)) job()
    }, 5)
    loop.unref()
  }
  pool.once('connect', startsIn(start))
  return {
    run: (job) => new Promise((resolve, reject) => jobs.push(() => void Promise.resolve(job()).then(resolve, reject))),
  }
}
const openId = async (client: Pick<pg.PoolClient, 'query'>): Promise<unknown> =>
  (await client.query<{ id: unknown }>('select pg_current_xact_id_if_assigned() as id')).rows[0]?.id

describe.each(Object.entries(STARTS))('with one database, what a listener %s', (_how, startsIn) => {
  test('asks of a client as its borrower', async () => {
    const pool = nearPool()
    const { run } = loopOf(pool, startsIn)
    const client = await settled(pool.connect(), 'connect')
    const late = run(() => client.query({ text: 'select pg_sleep(0.5)', timeoutMs: 50 } as never))
    await expect(late).rejects.toMatchObject({ code: 'NEAREST_TIMEOUT' })
    const answer = await run(() => client.query('select 1'))
    expect(answer).toHaveProperty('servedBy.server')
    await run(() => client.query('begin'))
    await run(() => client.query('select pg_current_xact_id()'))
    expect(client.getTransactionStatus()).toBe('T')
    client.release()
    const next = await settled(pool.connect(), 'the next')
    expect(await openId(next)).toBeNull()
    await expect(run(() => client.query('select 1'))).rejects.toThrow(/was released to the pool/)
    next.release()
  })
})

const BEGINNINGS: Record<string, (client: pg.PoolClient) => Promise<unknown> | undefined> = {
  'at once': (client) => client.query('begin'),
  'after it has awaited something': async (client) => {
    await client.query('select 1')
    await client.query('begin')
  },
}
describe.each(Object.entries(BEGINNINGS))('with one database, what a listener begins %s', (_when, begin) => {
  test.each(['connect', 'acquire'] as const)('on %s: its borrower is inside, and nobody else', async (event) => {
    const pool = nearPool()
    let begun = false
    pool.once(event, async (client) => {
      await begin(client)
      begun = true
    })
    const client = await settled(pool.connect(), 'connect')
    await until(() => begun, 'BEGIN')
    expect(client.getTransactionStatus()).toBe('T')
    expect(await settled(client.query('select pg_current_xact_id()'), 'a write')).toHaveProperty('rows')
    client.release()
    expect(await settled(openId(pool), 'the next')).toBeNull()
  })

  test('on release: nobody is inside', async () => {
    const pool = nearPool()
    let begun = false
    pool.once('release', async (...args: unknown[]) => {
      const client = args.at(-1) as pg.PoolClient
      await begin(client)
      await client.query('select pg_current_xact_id()').catch(() => undefined)
      begun = true
    })
    await settled(pool.query('select 1'), 'a read')
    await until(() => begun, 'BEGIN')
    expect(await settled(openId(pool), 'the next')).toBeNull()
  })
})

test.each(['connect', 'acquire', 'release'] as const)(
  'with one database, nobody is inside of what a listener of %s begins while its client is on its way to the next',
  async (event) => {
    const pool = nearPool()
    const asked: Promise<unknown>[] = []
    pool.once(event, (...args: unknown[]) => {
      const client = args.at(-1) as pg.PoolClient
      for (const text of ['begin', 'select pg_current_xact_id()']) asked.push(client.query(text))
    })
    const client = await settled(pool.connect(), 'connect')
    client.release()
    const next = await settled(pool.connect(), 'the next')
    expect(await settled(openId(next), 'its read')).toBeNull()
    next.release()
    await settled(Promise.all(asked), 'what the listener asked')
    expect(await settled(openId(pool), 'a read')).toBeNull()
  },
)

test('with one database, what a statement of the pool runs inside of, as a listener has begun it, is not kept', async () => {
  const pool = nearPool()
  pool.once('acquire', (client) => void client.query('begin'))
  await settled(pool.query('select pg_current_xact_id()'), 'a write')
  expect(await settled(openId(pool), 'the next')).toBeNull()
})
