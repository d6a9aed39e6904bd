import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'
import { drizzle } from 'drizzle-orm/node-postgres'
import { pgTable, text } from 'drizzle-orm/pg-core'
import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import Cursor from 'pg-cursor'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { withReplay, withSession } from '../../src/http/index.ts'
import { nextPool, type CookieJar, type JarCookie } from '../../src/next/index.ts'
import { createPool, type NearestPool } from '../../src/index.ts'
import { caughtUp, withUsers } from './fixtures.ts'

let world: World
let real: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await withUsers(world)
  await caughtUp(world)
  // What is written from now on is on the primary alone.
  await world.pauseReplay('ord')
  real = createPool(world.poolOptions('ord'))
  await real.refresh()
})
afterAll(async () => {
  await real.destroy()
  await world.stop()
})

/** A request as Next.js has it: one jar, which refuses to set anything while a page is made. */
interface NextRequest {
  readonly jar: Promise<CookieJar>
  readonly set: Map<string, JarCookie>
}

const requests = new AsyncLocalStorage<NextRequest>()
const cookies = (): Promise<CookieJar> => {
  const request = requests.getStore()
  if (request === undefined) throw new Error('`cookies` was called outside a request scope. Read more: …')
  return request.jar
}

/** The cookies of one client. */
let client: Map<string, string>
let pool: NearestPool
let made: number
let pools = 0
beforeEach(() => {
  client = new Map()
  made = 0
  const create = (): NearestPool => {
    made++
    return real
  }
  pool = nextPool(create, cookies, { cookie: `notes-${pools++}` })
})

async function inRequest<T>(phase: 'action' | 'page', work: () => T | Promise<T>, of = client): Promise<Awaited<T>> {
  const set = new Map<string, JarCookie>()
  const all = new Map(of)
  const jar: CookieJar = {
    getAll: () => [...all].map(([name, value]) => ({ name, value })),
    set(cookie) {
      if (phase === 'page') throw new Error('Cookies can only be modified in a Server Action or Route Handler.')
      if (requests.getStore()?.set !== set) throw new Error('not in the request')
      set.set(cookie.name, cookie)
      all.set(cookie.name, cookie.value)
    },
  }
  const result = await requests.run({ jar: Promise.resolve(jar), set }, async () => await work())
  for (const { name, value, maxAge } of set.values()) {
    if (maxAge === 0) of.delete(name)
    else of.set(name, value)
  }
  return result
}

let names = 0
const newName = (): string => `name-${names++}`
const INSERT = 'insert into users (name) values ($1)'
const find = async (name: string, on = pool): Promise<number | null> =>
  (await on.query('select name from users where name = $1', [name])).rowCount

const users = pgTable('users', { name: text().notNull() })

describe('what a server action has written', () => {
  const WAYS: readonly (readonly [string, (name: string) => Promise<unknown>])[] = [
    ['a query', (name) => pool.query(INSERT, [name])],
    ['a query with a callback', (name) => new Promise<void>((resolve) => pool.query(INSERT, [name], () => resolve()))],
    ['a transaction', (name) => pool.transaction((tx) => tx.query(INSERT, [name]))],
    ['a batch', (name) => pool.batch([{ text: INSERT, values: [name] }])],
    ['the primary', (name) => pool.primary.query(INSERT, [name])],
    [
      'a client',
      async (name) => {
        const lent = await pool.connect()
        await lent.query(INSERT, [name])
        lent.release()
      },
    ],
    [
      'a client by a callback',
      (name) =>
        new Promise<void>((resolve) =>
          pool.connect((_error, lent, done) => {
            lent?.query(INSERT, [name], () => {
              done()
              resolve()
            })
          }),
        ),
    ],
    [
      'a cursor',
      async (name) => {
        const cursor = pool.query(new Cursor(`${INSERT} returning name`, [name]))
        await cursor.read(10)
        await cursor.close()
      },
    ],
    [
      'Kysely',
      (name) =>
        new Kysely<{ users: { name: string } }>({ dialect: new PostgresDialect({ pool }) })
          .transaction()
          .execute((tx) => tx.insertInto('users').values({ name }).execute()),
    ],
    ['Drizzle', (name) => drizzle({ client: pool }).insert(users).values({ name })],
    [
      'a transaction of Drizzle',
      (name) => drizzle({ client: pool }).transaction((tx) => tx.insert(users).values({ name })),
    ],
  ]

  test.each(WAYS)('by %s, a page shows, and one of somebody else does not', async (_way, write) => {
    const name = newName()
    await inRequest('action', () => write(name))
    expect([...client.keys()]).toEqual([expect.stringMatching(/^notes-\d+\.[\w-]{8}$/)])
    expect(await inRequest('page', () => find(name))).toBe(1)
    expect(await inRequest('page', () => drizzle({ client: pool }).select().from(users))).toContainEqual({ name })
    expect(await inRequest('page', () => find(name), new Map())).toBe(0)
  })

  test('shows in the page that is made of the same request', async () => {
    const name = newName()
    await inRequest('action', () => pool.query(INSERT, [name]))
    const own = new Map(client)
    expect(await inRequest('page', () => find(name), own)).toBe(1)
  })

  test('is one cookie, however often it writes, and what it covers is removed', async () => {
    await inRequest('action', () => pool.query(INSERT, [newName()]))
    const [before] = client.keys()
    const last = newName()
    await inRequest('action', async () => {
      for (const name of [newName(), newName(), last]) await pool.query(INSERT, [name])
    })
    expect(client.size).toBe(1)
    expect(client.has(before ?? '')).toBe(false)
    expect(await inRequest('page', () => find(last))).toBe(1)
  })
})

test('what an action has begun, and not awaited, has the next request ask the primary', async () => {
  const name = newName()
  let write: Promise<unknown> | undefined
  await inRequest('action', async () => {
    write = pool.query('insert into users (name) select $1 from pg_sleep(0.2)', [name])
    await setImmediate()
  })
  expect([...client.values()]).toEqual([expect.stringMatching(/^unknown~/)])
  await write
  expect(await inRequest('page', () => find(name))).toBe(1)
})

describe('what a client has stays with it', () => {
  const byAction = async (name: string): Promise<void> => {
    await inRequest('action', () => pool.query(INSERT, [name]))
    expect(client.size).toBe(1)
  }

  test.each<[string, () => Promise<unknown>]>([
    ['writes nothing', () => pool.query("update users set age = 1 where name = 'nobody'")],
    ['only reads in a transaction', () => pool.transaction((tx) => tx.query('select 1'))],
    ['fails to write', () => pool.query('insert into users (name) values (null)').catch(() => undefined)],
    [
      'may not write',
      () =>
        real
          .beforeWrite(
            () => {
              throw new Error('no')
            },
            () => pool.query(INSERT, ['refused']),
          )
          .catch(() => undefined),
    ],
  ])('when a later action %s', async (_what, act) => {
    const name = newName()
    await byAction(name)
    for (let i = 0; i < 3; i++) {
      await inRequest('action', act)
      expect(client.size).toBe(1)
    }
    expect(await inRequest('page', () => find(name))).toBe(1)
  })

  test('and a cookie of somebody else’s that has one in its value is none', async () => {
    const name = newName()
    await byAction(name)
    const [own] = client
    const smuggled = new Map([['other', `a; ${own?.join('=')}`]])
    expect(await inRequest('page', () => find(name), smuggled)).toBe(0)
  })
})

test('what an action has written in a shared session, its client’s next page shows', async () => {
  const name = newName()
  await inRequest('action', async () => {
    expect(await pool.sharedSession('team', async () => (await pool.query(INSERT, [name])).rowCount)).toBe(1)
    expect(await find(name)).toBe(1)
  })
  expect(client.size).toBe(1)
  expect(await inRequest('page', () => pool.sharedSession('other team', () => find(name)))).toBe(1)
})

test('a bookmark that is asked for before anything has run has the primary asked', async () => {
  const name = newName()
  await inRequest('action', () => pool.query(INSERT, [name]))
  const bookmark = await inRequest('action', () => pool.bookmark())
  expect(await pool.session(bookmark, () => find(name))).toBe(1)
})

test('a pool that a request makes is not in the async context of that request', async () => {
  const seen: (NextRequest | undefined)[] = []
  const create = (): NearestPool => {
    seen.push(requests.getStore())
    return real
  }
  const late = nextPool(create, cookies, { cookie: 'late' })
  await inRequest('page', () => late.query('select 1'))
  expect(seen).toEqual([undefined])
})

test('listening hands on the same pool, as pg’s does', () => {
  const listen = (): void => undefined
  expect(pool.on('problem', listen)).toBe(pool)
  expect(pool.off('problem', listen)).toBe(pool)
})

test('what only reads sets no cookie, and a page that writes none either', async () => {
  await inRequest('action', () => pool.query('select 1'))
  await inRequest('page', () => pool.query(INSERT, [newName()]))
  expect([...client]).toEqual([])
})

test('all that runs in one request is one session', async () => {
  const name = newName()
  await inRequest('page', async () => {
    await pool.query(INSERT, [name])
    expect(await find(name)).toBe(1)
    expect(pool.bookmark()).toHaveLength(32)
    expect((await pool.replica().query('select from users where name = $1', [name])).rowCount).toBe(1)
  })
})

test('behind withSession its session counts, and its response has the cookie', async () => {
  const name = newName()
  const handler = withSession(
    pool,
    async () => {
      await pool.query(INSERT, [name])
      return new Response()
    },
    { cookie: 'own' },
  )
  const response = await inRequest('action', () => handler(new Request('http://localhost/', { method: 'POST' })))
  expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(/^own\.[\w-]{8}=/)])
  expect([...client]).toEqual([])
})

test('within a session that was begun by hand, that one counts', async () => {
  const name = newName()
  await inRequest('action', async () => {
    await pool.query(INSERT, [name])
    expect(await pool.session(undefined, () => find(name))).toBe(0)
  })
})

test.each([
  '`cookies` was called outside a request scope. Read more: …',
  'Route / used `cookies()` inside `after()` while rendering. This is not supported.',
  'Route /[id] used `cookies()` inside `generateStaticParams`. This is not supported because …',
])('where Next.js says "%s", it is the process’s session', async (message) => {
  const without = nextPool(
    () => real,
    () => {
      throw new Error(message)
    },
    { cookie: `without-${pools++}` },
  )
  const name = newName()
  await without.query(INSERT, [name])
  expect(await find(name, without)).toBe(1)
  expect(without.bookmark()).toBe(real.bookmark())
})

describe('before it is used', () => {
  const boom = (): NearestPool => {
    throw new Error('There is no DATABASE_URL.')
  }

  test('nothing is made by what libraries ask when modules are loaded', async () => {
    expect(pool).toBeInstanceOf(pg.Pool)
    expect(pool.constructor.name).toBe('BoundPool')
    drizzle({ client: pool })
    drizzle({ client: pool.replica() })
    withReplay(
      pool,
      withSession(pool, () => new Response()),
    )
    void new Kysely({ dialect: new PostgresDialect({ pool }) })
    expect(await Promise.resolve(pool)).toBe(pool)
    expect(made).toBe(0)
  })

  test('the cookies are asked first, so that a build learns that a page needs a request', async () => {
    const bailout = new Error('Dynamic server usage')
    const built = nextPool(
      boom,
      () => {
        throw bailout
      },
      { cookie: 'built' },
    )
    await expect(built.query('select 1')).rejects.toBe(bailout)
    await expect(built.connect()).rejects.toBe(bailout)
    await expect(new Promise((_, reject) => built.query('select 1', reject))).rejects.toBe(bailout)
  })

  test('a pool that cannot be made says so with each use', async () => {
    const none = nextPool(boom, cookies, { cookie: 'none' })
    await expect(none.query('select 1')).rejects.toThrow('DATABASE_URL')
    await expect(inRequest('page', () => none.transaction(() => 1))).rejects.toThrow('DATABASE_URL')
  })

  test('a module that is loaded again finds the pool that is there', async () => {
    const again = nextPool(boom, cookies, { cookie: `notes-${pools - 1}` })
    await pool.query('select 1')
    expect((await again.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect(made).toBe(1)
  })
})
