import pg from 'pg'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type RoutedPool, type Transaction } from '../../src/index.ts'
import { cut, startBreakingProxy, swallowed, type Break, type BreakingProxy } from './breaking-proxy.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** The server has the write and the caller does not know: whatever he reads next must be the truth. */
let world: World
let proxy: BreakingProxy
let elsewhere: NearestPool
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 20 })
  await ask(
    world.url('nrt'),
    `create table orders (id text primary key);
     create function place(id text) returns void language sql volatile as 'insert into orders values (id)'`,
  )
  proxy = await startBreakingProxy(world.url('nrt', { from: 'ord' }))
  elsewhere = createPool(world.poolOptions('ord'))
})
afterAll(async () => {
  await elsewhere?.destroy()
  await proxy?.stop()
  await world?.stop()
})
beforeEach(() => caughtUp(world))
afterEach(async () => {
  await world.resumeReplay('ord')
  await pools.destroyAll()
})

async function app(): Promise<NearestPool> {
  const { primary, ...rest } = world.poolOptions('ord')
  const url = Object.assign(new URL(primary.url), { host: new URL(proxy.url).host }).href
  const pool = pools.create({ ...rest, primary: { ...primary, url } })
  await pool.refresh()
  await pool.primary.query('select 1')
  return pool
}

interface Case {
  readonly name: string
  readonly how: Break
  /** Codes or messages, of which the error has one. */
  readonly told: readonly string[]
  /** The statement whose answer is lost, if not the one with the id. */
  readonly marker?: string
  readonly write: (on: RoutedPool, id: string) => Promise<unknown>
}

const reason = new Error('the visitor left')
/** Long enough for a write to reach the server, also on a busy machine. */
const SOON_MS = 400
const insert = (id: string): string => `insert into orders values ('${id}')`
const soonAborted = (): AbortSignal => {
  const controller = new AbortController()
  setTimeout(() => controller.abort(reason), SOON_MS)
  return controller.signal
}

/** As it is sent. A probe says `read committed`. */
const COMMIT = 'commit\0'

const CASES: readonly Case[] = [
  {
    name: 'a lost connection',
    how: cut,
    told: ['08007'],
    write: (on, id) => on.query(insert(id)),
  },
  {
    name: 'timeoutMs',
    how: swallowed,
    told: ['NEAREST_TIMEOUT'],
    write: (on, id) => on.query({ text: insert(id), timeoutMs: SOON_MS }),
  },
  {
    name: 'signal',
    how: swallowed,
    told: [reason.message],
    write: (on, id) => on.query({ text: insert(id), signal: soonAborted() }),
  },
  {
    name: 'query_timeout',
    how: swallowed,
    told: ['Query read timeout'],
    // Of the write alone: the reads after it may take longer on a busy machine.
    write: (on, id) => on.query({ text: insert(id), query_timeout: SOON_MS } as pg.QueryConfig),
  },
  {
    name: 'query_timeout of a pg.Query',
    how: swallowed,
    told: ['Query read timeout'],
    write: (on, id) =>
      on.query(Object.assign(new pg.Query(insert(id)), { query_timeout: SOON_MS })) as unknown as Promise<unknown>,
  },
  {
    name: 'a lost connection of a borrowed client',
    how: cut,
    told: ['08007'],
    write: async (on, id) => {
      const client = await on.connect()
      try {
        await client.query(insert(id))
      } finally {
        client.release()
      }
    },
  },
  {
    name: 'timeoutMs on a borrowed client',
    how: swallowed,
    told: ['NEAREST_TIMEOUT'],
    write: async (on, id) => {
      const client = await on.connect()
      try {
        await client.query({ text: insert(id), timeoutMs: SOON_MS })
      } finally {
        client.release()
      }
    },
  },
  {
    name: 'a transaction whose COMMIT is lost',
    how: cut,
    marker: COMMIT,
    told: ['08007'],
    write: (on, id) =>
      on.transaction(async (tx) => {
        await tx.query(insert(id))
      }),
  },
  {
    name: 'a transaction whose COMMIT is not answered within timeoutMs',
    how: swallowed,
    marker: COMMIT,
    told: ['NEAREST_TIMEOUT', '08007'],
    write: (on, id) =>
      on.transaction({ timeoutMs: SOON_MS }, async (tx) => {
        await tx.query(insert(id))
      }),
  },
  {
    name: 'a lost connection with a function that writes on its way',
    how: cut,
    told: ['08007'],
    write: (on, id) => on.query(`select place('${id}')`),
  },
]

async function seen(on: RoutedPool, id: string): Promise<number | undefined> {
  const check = on.query<{ n: number }>('select count(*)::int as n from orders where id = $1', [id])
  return (await settled(check, 'the check')).rows[0]?.n
}

let serial = 0
/** Writes on `on`, and loses the answer. */
async function writeAndLose({ how, marker, told, write }: Case, on: RoutedPool): Promise<string> {
  const id = `order ${++serial}`
  const broken = proxy.breakNext(marker ?? id, how)
  const error = await rejectionOf(write(on, id), 'the write', 3_000)
  const { code, message } = error as { code?: string; message: string }
  expect(
    [code, message].some((each) => told.includes(each ?? '')),
    `what is told: ${code} ${message}`,
  ).toBe(true)
  await settled(broken, 'the answer to be lost')
  return id
}

test.each(CASES)('$name: the truth is read by the process, by a session, and from its bookmark', async (each) => {
  const [pool, another] = await Promise.all([app(), app()])
  await world.pauseReplay('ord')
  const session = another.session()
  const [id, ofSession] = await Promise.all([writeAndLose(each, pool), writeAndLose(each, session)])
  const bookmark = session.bookmark()
  const reads = {
    process: await seen(pool, id),
    elsewhere: await seen(elsewhere.session(bookmark), ofSession),
    session: await seen(session, ofSession),
    'the process of the session': await seen(another, ofSession),
  }
  expect(reads).toEqual({ process: 1, elsewhere: 1, session: 1, 'the process of the session': 1 })
})

describe('the connection dies when the server has done all, and has answered none of it', () => {
  const count = (): Promise<unknown[]> => ask(world.url('nrt'), "select from orders where id like 'pipelined%'")
  afterEach(() => ask(world.url('nrt'), "delete from orders where id like 'pipelined%'"))

  interface Lost {
    readonly name: string
    /** How many orders the server then has. */
    readonly orders: number
    readonly ends: string
    readonly code: string
    readonly release?: boolean
  }
  const LOST: readonly Lost[] = [
    { name: 'with a COMMIT on its way', orders: 3, ends: 'commit', code: '08007' },
    { name: 'with an END on its way', orders: 3, ends: 'end', code: '08007' },
    { name: 'with a ROLLBACK on its way', orders: 0, ends: 'rollback', code: 'NEAREST_CONNECTION_LOST' },
    { name: 'by release(true), with a COMMIT on its way', orders: 3, ends: 'commit', code: '08007', release: true },
  ]

  /** Resolves with a function that ends the connection, once the server was given what holds the marker and has begun to answer. */
  async function silentAt(marker: string): Promise<() => void> {
    let end = (): void => undefined
    await proxy.breakNext(marker, ({ client, silence }) => {
      silence()
      end = () => void client.destroy()
    })
    return end
  }

  test.each(LOST)('$name: all of them are told the same', async ({ orders, ends, code, release = false }) => {
    const client = await (await app()).connect()
    await client.query('begin')
    await client.query(insert('pipelined 1'))
    const silent = silentAt(`${ends}\0`)
    const texts = [insert('pipelined 2'), insert('pipelined 3'), ends]
    const errors = Promise.all(texts.map((text) => rejectionOf(client.query(text), text, 10_000)))
    const end = await settled(silent, 'the silence')
    await until(async () => (await count()).length === orders, 'the server to have done it')
    if (release) client.release(true)
    else end()
    expect((await errors).map((error) => (error as { code?: unknown }).code)).toEqual(texts.map(() => code))
    if (!release) client.release()
  })

  test('a transaction that its function has committed itself is not run again', async () => {
    const pool = await app()
    let runs = 0
    const silent = silentAt(COMMIT)
    const work = pool.transaction({ retries: 2 }, async (tx) => {
      runs++
      await tx.query(insert(`pipelined ${runs}`))
      await Promise.all([tx.query(insert(`pipelined, too ${runs}`)), tx.query('commit')])
    })
    const error = rejectionOf(work, 'the transaction', 10_000)
    const end = await settled(silent, 'the silence')
    await until(async () => (await count()).length === 2, 'the server to have done it')
    end()
    expect(await error).toMatchObject({ code: '08007' })
    expect(runs).toBe(1)
  })

  test.each([
    ['nothing', '08007', (): unknown => undefined],
    ['another statement', '08007', (tx: Transaction): unknown => tx.query('select 1')],
    [
      'an error of its own',
      '40001',
      (): never => {
        throw Object.assign(new Error('of another pool'), { code: '40001' })
      },
    ],
  ])('nor one whose function has not passed that on, and goes on with %s', async (_, code, next) => {
    const pool = await app()
    let runs = 0
    const silent = silentAt(COMMIT)
    const work = pool.transaction({ retries: 2 }, async (tx) => {
      await tx.query(insert(`pipelined ${++runs}`))
      await tx.query('commit').catch(() => undefined)
      await next(tx)
    })
    const error = rejectionOf(work, 'the transaction', 10_000)
    const end = await settled(silent, 'the silence')
    await until(async () => (await count()).length === 1, 'the server to have done it')
    end()
    expect(await error).toMatchObject({ code })
    expect([runs, (await count()).length]).toEqual([1, 1])
  })

  test.each(['commit', 'commit and chain', `${insert('pipelined, too')}; commit; begin`])(
    'nor one whose function has given %s, and then throws',
    async (text) => {
      const pool = await app()
      let runs = 0
      const work = pool.transaction({ retries: 2 }, async (tx) => {
        await tx.query(insert(`pipelined ${++runs}`))
        await tx.query(text)
        throw Object.assign(new Error('of another pool'), { code: '40001' })
      })
      expect(await rejectionOf(work, 'the transaction')).toMatchObject({ code: '40001' })
      expect(runs).toBe(1)
    },
  )

  test('of a COMMIT that was given as a pg.Query it is not said that it was rolled back', async () => {
    const client = await (await app()).connect()
    await client.query('begin')
    await client.query(insert('pipelined'))
    const silent = silentAt(COMMIT)
    const told = new Promise((resolve) => {
      client.query(new pg.Query('commit', resolve))
    })
    const end = await settled(silent, 'the silence')
    await until(async () => (await count()).length === 1, 'the server to have done it')
    end()
    expect(await settled(told, 'COMMIT')).toMatchObject({ name: 'OutcomeUnknownError', code: '08007' })
    const next = await rejectionOf(client.query('select 1'), 'the next one')
    expect(next).toMatchObject({ code: 'NEAREST_CONNECTION_LOST', cause: { code: '08007' } })
    client.release()
  })
})

test('neither a stream nor a name alone keeps a transaction from being run again', async () => {
  let tries = 0
  const work = (await app()).transaction({ retries: 3 }, async (tx) => {
    tries++
    await tx.query({ name: 'three', text: 'select 3 as n' })
    const rows: unknown[] = []
    for await (const row of tx.query(new QueryStream('select 1 as n'))) rows.push(row)
    rows.push(...(await tx.query({ name: 'three' } as pg.QueryConfig)).rows)
    if (tries < 3) throw Object.assign(new Error('again'), { code: '40001' })
    return rows
  })
  expect(await work).toEqual([{ n: 1 }, { n: 3 }])
  expect(tries).toBe(3)
})
