import { Socket } from 'node:net'
import { to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, RoutedClient } from '../../src/index.ts'
import { administer, ask, caughtUp, until, withUsers } from './fixtures.ts'
import { startNameSwitch, type NameSwitch } from './name-switch.ts'
import { pgbouncer, startBouncer, type Bouncers, type PoolMode } from './pgbouncer-rig.ts'
import { TestPools } from './test-pools.ts'

/** What nothing can be asked behind, on a pooler whose primary is a lagging standby since, ahead of the probe that would tell. */

const urlOf = (server: NearestPoolOptions['primary']): string => (server as { readonly url: string }).url

const NAMES = 'select name from users where name = $1'
const textOf = (name: string): string => `select name from users where name = '${name}'`

type Way = (pool: NearestPool, name: string) => Promise<unknown[]>

/** Counts answers to what was sent before. */
class Flights {
  count = 0
  readonly stream = (): Socket => {
    const socket = new Socket()
    let written = 0
    socket.on('data', () => {
      if (socket.bytesWritten > written) this.count++
      written = socket.bytesWritten
    })
    return socket
  }
}

async function withClient(pool: NearestPool, use: (client: RoutedClient) => Promise<unknown[]>): Promise<unknown[]> {
  const client = await pool.connect()
  client.on('error', () => undefined)
  try {
    return await use(client)
  } finally {
    client.release()
  }
}

async function readOn(client: RoutedClient, name: string): Promise<unknown[]> {
  const cursor = client.query(new Cursor<Record<string, unknown>>(NAMES, [name]))
  const rows = await cursor.read(10)
  await cursor.close()
  return rows
}

/** What only reads is answered by the replica that has it; what may write finds no primary. */
const reading: Record<string, Way> = {
  'a cursor': (pool, name) => withClient(pool, (client) => readOn(client, name)),
  'a query stream': (pool, name) =>
    withClient(pool, (client) => client.query(new QueryStream(NAMES, [name])).toArray() as Promise<unknown[]>),
  'transaction({ readOnly: true })': (pool, name) =>
    pool.transaction({ readOnly: true }, async (tx) => (await tx.query(NAMES, [name])).rows),
  'BEGIN READ ONLY': (pool, name) =>
    withClient(pool, async (client) => {
      await client.query('begin read only')
      const { rows } = await client.query(NAMES, [name])
      await client.query('commit')
      return rows
    }),
  'BEGIN READ ONLY, and all at once': (pool, name) =>
    withClient(pool, async (client) => {
      const [, { rows }] = await Promise.all([
        client.query('begin read only'),
        client.query<Record<string, unknown>>(NAMES, [name]),
        client.query('commit'),
      ])
      return rows
    }),
  'a cursor in BEGIN READ ONLY': (pool, name) =>
    withClient(pool, async (client) => {
      await client.query('begin read only')
      const rows = await readOn(client, name)
      await client.query('commit')
      return rows
    }),
}

const writing: Record<string, Way> = {
  'pool.transaction': (pool, name) => pool.transaction(async (tx) => (await tx.query(NAMES, [name])).rows),
  'pool.transaction, with its COMMIT at once': (pool, name) =>
    pool.transaction((tx) => tx.query<Record<string, unknown>>(NAMES, [name])).then(({ rows }) => rows),
  'pool.transaction, behind SET TRANSACTION': (pool, name) =>
    pool.transaction(async (tx) => {
      await tx.query('set transaction isolation level repeatable read')
      return (await tx.query(NAMES, [name])).rows
    }),
  BEGIN: (pool, name) =>
    withClient(pool, async (client) => {
      await client.query('begin')
      const { rows } = await client.query(NAMES, [name])
      await client.query('commit')
      return rows
    }),
  'BEGIN that is sent by itself': (pool, name) =>
    withClient(pool, async (client) => {
      await client.query({ text: 'begin', signal: new AbortController().signal })
      const { rows } = await client.query(NAMES, [name])
      await client.query('commit')
      return rows
    }),
  'a cursor in BEGIN': (pool, name) =>
    withClient(pool, async (client) => {
      await client.query('begin')
      const rows = await readOn(client, name)
      await client.query('commit')
      return rows
    }),
  'COPY TO in BEGIN': (pool, name) =>
    withClient(pool, async (client) => {
      await client.query('begin')
      const copied = await copyOf(client, name)
      await client.query('commit')
      return copied
    }),
}

async function copyOf(client: RoutedClient, name: string): Promise<unknown[]> {
  const chunks = await client.query(to(`copy (${textOf(name)}) to stdout`)).toArray()
  const lines = Buffer.concat(chunks as Buffer[]).toString()
  return lines.split('\n').flatMap((line) => (line === '' ? [] : { name: line }))
}

describe.skipIf(pgbouncer === undefined).each<PoolMode>(['transaction', 'session'])(
  'behind PgBouncer in %s mode, whose primary is a standby since',
  (mode) => {
    let world: World
    let way: NameSwitch
    let bouncers: Bouncers
    const pools = new TestPools()
    let serial = 0
    beforeAll(async () => {
      world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'] })
      await withUsers(world)
    })
    afterAll(() => world?.stop())
    beforeEach(async () => {
      await caughtUp(world)
      await administer(world, 'ord', 'select pg_wal_replay_pause()')
      way = await startNameSwitch(world.url('nrt'))
      bouncers = await startBouncer('nrt', way.url, mode)
    })
    afterEach(async () => {
      await administer(world, 'ord', 'select pg_wal_replay_resume()')
      await pools.destroyAll()
      await bouncers[Symbol.asyncDispose]()
      await way[Symbol.asyncDispose]()
    })

    async function start(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
      return pools.start({
        region: 'nrt',
        primary: { region: 'nrt', url: urlOf(bouncers.poolOptions('nrt').primary) },
        replicas: { syd: world.url('syd') },
        probeIntervalMs: 60_000,
        failoverTimeoutMs: 300,
        ...options,
      })
    }

    /** Returns once the pooler leads to the standby; its clients stay. */
    async function leadAstray(): Promise<void> {
      way.leadTo(world.url('ord'))
      const ended = 'select pg_terminate_backend(pid) from pg_stat_activity where client_port is not null'
      await administer(world, 'nrt', `${ended} and pid <> pg_backend_pid() and backend_type = 'client backend'`)
      const leadsThere = async (): Promise<boolean> => {
        const url = urlOf(bouncers.poolOptions('nrt').primary)
        const rows = await ask(url, 'select pg_is_in_recovery() as standby').catch(() => [])
        return rows[0]?.['standby'] === true
      }
      await until(leadsThere, 'the pooler to lead to the standby')
    }

    /** A session has written, and everybody but the standby has it. */
    async function written(pool: NearestPool): Promise<string> {
      const name = `${mode} ${++serial}`
      await pool.query('insert into users (name) values ($1)', [name])
      const shown = async (): Promise<boolean> => (await ask(world.url('syd'), textOf(name))).length === 1
      await until(shown, 'syd to have it')
      await leadAstray()
      return name
    }

    test('a transaction asks ahead without a round trip', async () => {
      const flights = new Flights()
      const pool = await start({ stream: flights.stream })
      const ways = Object.entries({ ...reading, ...writing }).filter(
        // How often a cursor's end and what follows share an answer is chance, and pg-copy-streams wants the socket's data for itself.
        ([what]) => !/cursor|stream|COPY/.test(what),
      )
      await pool.primary.query('select 1')
      for (const [what, read] of ways) {
        const count = async (needs: () => Promise<unknown>): Promise<number> => {
          let least = Number.POSITIVE_INFINITY
          // An answer may come in two, and a connection be made beside.
          for (let i = 0; i < 5; i++) {
            await pool.session(undefined, async () => {
              await needs()
              const before = flights.count
              await read(pool, 'Ada')
              least = Math.min(least, flights.count - before)
            })
          }
          return least
        }
        const needsNothing = await count(() => Promise.resolve())
        const needsItsWrite = await count(() => pool.query("update users set age = age where name = 'Grace'"))
        expect([what, needsItsWrite]).toEqual([what, needsNothing])
        expect(needsNothing).toBeGreaterThan(0)
      }
    })

    test.each(Object.keys(reading))('%s', async (what) => {
      const pool = await start()
      await pool.session(undefined, async () => {
        const name = await written(pool)
        expect(await reading[what]?.(pool, name)).toEqual([{ name }])
        expect(await reading[what]?.(pool, 'Ada')).toEqual([{ name: 'Ada' }])
      })
    })

    test.each(['a cursor', 'transaction({ readOnly: true })', 'pool.transaction'])(
      '%s, outside of a session',
      async (what) => {
        const pool = await start()
        const name = await written(pool)
        const read = { ...reading, ...writing }[what]
        const end = await read?.(pool, name).catch((error: unknown) => error)
        if (end instanceof Error) expect(end).toMatchObject({ code: 'NEAREST_NO_SERVER' })
        else expect(end).toEqual([{ name }])
      },
    )

    test.each(Object.keys(writing))('%s', async (what) => {
      const pool = await start()
      await pool.session(undefined, async () => {
        const name = await written(pool)
        await expect(writing[what]?.(pool, name)).rejects.toMatchObject({ code: 'NEAREST_NO_SERVER' })
      })
    })
  },
)
