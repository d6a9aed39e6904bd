import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, RoutedClient } from '../../src/index.ts'
import { cut, startBreakingProxy, type BreakingProxy } from './breaking-proxy.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { rejectionOf } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** PREPARE TRANSACTION, COMMIT PREPARED and ROLLBACK PREPARED, which other connections may send than the one that has written. */
let world: World
let proxy: BreakingProxy
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['ord'],
    rtt: 10,
    settings: { max_prepared_transactions: '10' },
  })
  await ask(world.url('nrt'), 'create table notes (id text primary key)')
  proxy = await startBreakingProxy(world.url('nrt', { from: 'ord' }))
})
afterAll(async () => {
  await proxy?.stop()
  await world?.stop()
})
beforeEach(() => caughtUp(world))
afterEach(async () => {
  await world.resumeReplay('ord')
  await pools.destroyAll()
  // What a failed test has left would hold its locks.
  for (const { gid } of await ask<{ gid: string }>(world.url('nrt'), 'select gid from pg_prepared_xacts')) {
    // oxlint-disable-next-line no-await-in-loop -- there is at most one
    await ask(world.url('nrt'), `rollback prepared '${gid}'`)
  }
  await ask(world.url('nrt'), 'truncate notes')
})

function app(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  return pools.start({ ...world.poolOptions('ord'), ...options })
}

const insert = (id: string): string => `insert into notes values ('${id}')`
const seen = async (on: Pick<NearestPool, 'query'>, id: string): Promise<boolean> =>
  (await on.query(`select from notes where id = '${id}'`)).rowCount === 1
const prepared = async (): Promise<number> => (await ask(world.url('nrt'), 'select 1 from pg_prepared_xacts')).length

/** By somebody else, so that nothing but its COMMIT PREPARED is the session's own. */
async function prepareElsewhere(id: string): Promise<void> {
  const client = new pg.Client({ connectionString: world.url('nrt') })
  await client.connect()
  await client.query('begin')
  await client.query(insert(id))
  await client.query(`prepare transaction '${id}'`)
  await client.end()
}

async function borrowed<T>(pool: NearestPool, work: (client: RoutedClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    return await work(client)
  } finally {
    client.release()
  }
}

type Commit = (pool: NearestPool, id: string) => Promise<unknown>

const WAYS: readonly { readonly name: string; readonly commit: Commit }[] = [
  { name: 'pool.query', commit: (pool, id) => pool.query(`commit prepared '${id}'`) },
  { name: 'pool.primary', commit: (pool, id) => pool.primary.query(`/* now */ COMMIT prepared '${id}';`) },
  { name: 'a borrowed client', commit: (pool, id) => borrowed(pool, (it) => it.query(`commit prepared '${id}'`)) },
  {
    name: 'a borrowed client behind a read',
    commit: (pool, id) =>
      borrowed(pool, async (it) => [await it.query('select 1'), await it.query(`commit prepared '${id}'`)]),
  },
  {
    name: 'a pinned client',
    commit: (pool, id) =>
      borrowed(pool, async (it) => [await it.query("set app.x = 'y'"), await it.query(`commit prepared '${id}'`)]),
  },
  {
    name: 'a borrowed client behind a transaction of its own',
    commit: (pool, id) =>
      borrowed(pool, async (it) => {
        for (const text of ['begin', 'select 1', 'commit', `commit prepared '${id}'`]) {
          // oxlint-disable-next-line no-await-in-loop -- in turn
          await it.query(text)
        }
      }),
  },
  {
    name: 'without waiting, behind others',
    commit: (pool, id) =>
      borrowed(pool, (it) =>
        Promise.all([it.query('select 1'), it.query(`commit prepared '${id}'`), it.query('select 2')]),
      ),
  },
  {
    name: 'a prepared statement',
    commit: (pool, id) => pool.query({ name: `commit ${id}`, text: `commit prepared '${id}'` }),
  },
]

describe.each([{ pipeline: true }, { pipeline: false }])(
  'its session sees what COMMIT PREPARED has made visible: %o',
  (options) => {
    test.each(WAYS)('$name', async ({ commit }) => {
      const pool = await app(options)
      await prepareElsewhere('p')
      await caughtUp(world, pool)
      await world.pauseReplay('ord')
      await pool.session(undefined, async () => {
        await commit(pool, 'p')
        expect(await seen(pool, 'p'), 'pool.query').toBe(true)
        expect(await borrowed(pool, (client) => seen(client, 'p')), 'a borrowed client').toBe(true)
        expect(await pool.transaction({ readOnly: true }, (tx) => seen(tx, 'p')), 'a transaction').toBe(true)
        const bookmark = pool.bookmark()
        expect(await pool.session(bookmark, () => seen(pool, 'p')), 'another session').toBe(true)
      })
      expect(await seen(pool, 'p'), 'the process').toBe(true)
    })
  },
)

describe('preparing', () => {
  test('on a borrowed client: the client is free, and another one commits', async () => {
    const pool = await app()
    await pool.session(undefined, async () => {
      await borrowed(pool, async (client) => {
        await client.query('begin')
        await client.query(insert('q'))
        await client.query("prepare transaction 'q'")
        expect(client.getTransactionStatus()).toBe('I')
        expect(await seen(client, 'q')).toBe(false)
        await pool.query("commit prepared 'q'")
        expect(await seen(client, 'q')).toBe(true)
      })
      expect(await seen(pool, 'q')).toBe(true)
    })
  })

  test('in transaction(): its end is no second commit', async () => {
    const pool = await app()
    await pool.transaction(async (tx) => {
      await tx.query(insert('r'))
      await tx.query("prepare transaction 'r'")
    })
    expect([await prepared(), await seen(pool, 'r')]).toEqual([1, false])
    await pool.query("rollback prepared 'r'")
    expect([await prepared(), await seen(pool, 'r')]).toEqual([0, false])
  })

  test('what prepares a transaction that only reads goes to the primary, from a replica too', async () => {
    const pool = await app()
    await borrowed(pool, async (client) => {
      await client.query('begin read only')
      expect((await client.query('select 1')).servedBy.server).toBe('ord')
      await client.query("prepare transaction 's'")
    })
    expect(await prepared()).toBe(1)
    await pool.query("rollback prepared 's'")
  })

  test('a read-only handle and a transaction refuse to commit what is prepared', async () => {
    const pool = await app()
    await prepareElsewhere('t')
    for (const on of [pool.replica('ord'), pool.replica('nrt')]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      expect(await rejectionOf(on.query("commit prepared 't'"), 'a handle')).toBeInstanceOf(Error)
    }
    const inside = pool.transaction((tx) => tx.query("commit prepared 't'"))
    expect(await rejectionOf(inside, 'a transaction')).toMatchObject({ code: '25001' })
    expect(await prepared()).toBe(1)
    await pool.query("rollback prepared 't'")
  })
})

describe('a connection that dies with it on its way: the outcome is unknown, and the next read asks the primary', () => {
  const proxied = (): Promise<NearestPool> => {
    const { primary, ...rest } = world.poolOptions('ord')
    const url = Object.assign(new URL(primary.url), { host: new URL(proxy.url).host }).href
    return pools.start({ ...rest, primary: { ...primary, url } })
  }

  test.each(WAYS.filter(({ name }) => name !== 'without waiting, behind others'))('$name', async ({ commit }) => {
    const pool = await proxied()
    await prepareElsewhere('u')
    await caughtUp(world, pool)
    await world.pauseReplay('ord')
    await pool.session(undefined, async () => {
      const broken = proxy.breakNext("prepared 'u'", cut).catch(() => undefined)
      const marked = /prepared 'u'/i
      const error = await rejectionOf(commit(pool, 'u'), 'COMMIT PREPARED', 10_000)
      await broken
      expect(error).toMatchObject({ code: '08007', text: expect.stringMatching(marked) })
      expect(await seen(pool, 'u')).toBe(true)
    })
    expect(await prepared()).toBe(0)
  })

  test('PREPARE TRANSACTION, in transaction(), is not run again', async () => {
    const pool = await proxied()
    let runs = 0
    const broken = proxy.breakNext("prepare transaction 'v'", cut)
    const work = pool.transaction({ retries: 3 }, async (tx) => {
      runs++
      await tx.query(insert('v'))
      await tx.query("prepare transaction 'v'")
    })
    expect(await rejectionOf(work, 'the transaction', 10_000)).toMatchObject({ code: '08007' })
    await broken
    await until(async () => (await prepared()) === 1, 'the server to have prepared it')
    expect(runs).toBe(1)
    await ask(world.url('nrt'), "rollback prepared 'v'")
  })
})
