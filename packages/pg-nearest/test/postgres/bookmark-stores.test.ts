import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { bookmarkTable, bookmarkTableSql } from '../../src/bookmark-table/index.ts'
import { createPool, type BookmarkStore, type NearestPool, type StoreEvent } from '../../src/index.ts'
import { redisStore } from '../../src/redis/index.ts'
import {
  formatBookmark,
  formatTimeBookmark,
  formatUnknownFrom,
  parseBookmark,
} from '../../src/session/bookmark-text.ts'
import { isUnknownBookmark, mergeBookmarks } from '../../src/session/merge-bookmarks.ts'
import { ask, caughtUp, until, withUsers } from './fixtures.ts'
import { perform } from '../team/member.ts'
import { ITEMS, pauseAtRandom, playTeam, type Member } from '../team/play-team.ts'
import { ioredis, nodeRedis, redisServer, RedisServer, type Connected } from './redis-rig.ts'

const KEEP_MS = 1_000

/** A store on a real server, which can be away. */
interface Rig {
  readonly store: BookmarkStore
  /** What another program has written there. */
  spoil(key: string): Promise<unknown>
  kill(): Promise<void>
  start(): Promise<void>
  end(): Promise<void>
}

async function redisRig(connect: typeof nodeRedis): Promise<Rig> {
  const server = await RedisServer.start()
  const { client, close } = await connect(server.port)
  const other = ioredis(server.port)
  return {
    store: redisStore(client, { keepMs: KEEP_MS }),
    spoil: (key) => send(other.client, 'SET', `{pg-nearest}:at:${key}`, 'p:7:?'),
    kill: () => server.kill(),
    start: () => server.start(),
    async end() {
      close()
      other.close()
      await server.kill()
    },
  }
}

function send(client: unknown, ...args: string[]): Promise<unknown> {
  const { call } = client as { call(this: unknown, ...args: string[]): Promise<unknown> }
  return call.apply(client, args)
}

async function tableRig(): Promise<Rig> {
  const near = await startWorld({ primary: 'lhr' })
  const url = near.url('lhr')
  await ask(url, bookmarkTableSql('public.bookmarks'))
  const database = new pg.Pool({ connectionString: url })
  database.on('error', () => undefined)
  return {
    store: bookmarkTable(database, { keepMs: KEEP_MS, table: 'public.bookmarks' }),
    spoil: (key) => ask(url, `update public.bookmarks set value = 'p:7:?' where key = 'at:${key}'`),
    kill: () => near.kill('lhr'),
    start: () => near.start('lhr'),
    async end() {
      await database.end()
      await near.stop()
    },
  }
}

let world: World
const pools: NearestPool[] = []
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 20 })
  await withUsers(world)
})
afterAll(() => world.stop())
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.end()))
})

async function poolIn(region: string, bookmarkStore: BookmarkStore | undefined): Promise<NearestPool> {
  const pool = createPool({ ...world.poolOptions(region), bookmarkStore, bookmarkStoreTimeoutMs: 250 })
  pools.push(pool)
  await pool.refresh()
  return pool
}

const none = new AbortController().signal
const INSERT = 'insert into users (name) values ($1)'
const READ = 'select count(*)::int as n from users where name = $1'
const at = (lsn: number): string => formatBookmark({ systemIdentifier: '7', timeline: 1, lsn: BigInt(lsn) })
const from = (timeline: number): string => formatUnknownFrom({ systemIdentifier: '7', timeline })
const elsewhere = formatBookmark({ systemIdentifier: '8', timeline: 1, lsn: 1n, certainLsn: 1n })
const NOW = 1_790_000_000_000

const rigs: readonly (readonly [name: string, start: () => Promise<Rig>])[] = [
  ...(redisServer === undefined
    ? []
    : ([
        ['Redis by ioredis', () => redisRig((port) => Promise.resolve(ioredis(port)))],
        ['Redis by redis', () => redisRig(nodeRedis)],
      ] as const)),
  ['a table', tableRig],
]

// The one line that is seen where there is no Redis.
test.skipIf(redisServer !== undefined)('Redis is not installed: apt-get install redis-server', () => undefined)

describe.each(rigs)('a bookmark store in %s', (_, start) => {
  let rig: Rig
  beforeAll(async () => {
    rig = await start()
    // What was put before it could be asked may be missing.
    await until(async () => (await rig.store.get('any', none)) === 'unknown', 'it to say so', 0)
    await until(async () => (await rig.store.get('any', none)) !== 'unknown', 'it to be trusted')
  })
  afterAll(() => rig.end())

  test('keeps the later of two, in whichever order they come', async () => {
    expect(await rig.store.get('order', none)).toBeFalsy()
    const positions = Array.from({ length: 40 }, (_each, i) => at(((i * 17) % 40) + 1))
    await Promise.all(positions.map((bookmark) => rig.store.put('order', bookmark, none)))
    expect(await rig.store.get('order', none)).toBe(at(40))
  })

  test('makes of any two what a session makes of them', async () => {
    const certain = (lsn: bigint): string => formatBookmark({ systemIdentifier: '7', timeline: 1, lsn, certainLsn: 5n })
    const all = [
      at(5),
      at(6),
      certain(5n),
      certain(7n),
      elsewhere,
      formatTimeBookmark(NOW),
      formatTimeBookmark(NOW + 1),
      'unknown',
      from(1),
      from(2),
    ]
    const pairs = all.flatMap((one) => all.map((other) => [one, other] as const))
    const kept = pairs.map(async ([one, other]) => {
      const key = `${one} ${other}`
      await rig.store.put(key, one, none)
      await rig.store.put(key, other, none)
      return [one, other, await rig.store.get(key, none)]
    })
    expect(await Promise.all(kept)).toEqual(pairs.map(([one, other]) => [one, other, mergeBookmarks([one, other])]))
  })

  test('doubts where two that cannot be compared are put at once', async () => {
    const keys = Array.from({ length: 20 }, (_each, i) => `at once ${i}`)
    const puts = keys.flatMap((key) => [elsewhere, at(5), formatTimeBookmark(NOW)].map((each) => [key, each] as const))
    await Promise.all(puts.map(([key, bookmark]) => rig.store.put(key, bookmark, none)))
    const kept = await Promise.all(keys.map((key) => rig.store.get(key, none)))
    expect(new Set(kept)).toEqual(new Set(['unknown']))
  })

  test('doubts for no longer than what cannot be compared is kept, however often the other is put', async () => {
    await rig.store.put('moved', elsewhere, none)
    const putAndGet = async (): Promise<unknown> => {
      await rig.store.put('moved', at(5), none)
      return rig.store.get('moved', none)
    }
    const half = performance.now() + KEEP_MS / 2
    while (performance.now() < half) expect(await putAndGet()).toBe('unknown')
    await until(async () => (await putAndGet()) === at(5), 'it to be sure again', 5_000)
  })

  test('doubts what is put beside garbage, which does not stay for ever', async () => {
    await rig.store.put('beside', at(5), none)
    await rig.spoil('beside')
    await rig.store.put('beside', elsewhere, none)
    expect(await rig.store.get('beside', none)).toBe('unknown')
    const putAndGet = async (): Promise<unknown> => {
      await rig.store.put('beside', elsewhere, none)
      return rig.store.get('beside', none)
    }
    await until(async () => (await putAndGet()) === elsewhere, 'it to be sure again', 5_000)
  })

  test('keeps what is not known beside it, and nothing for longer than it should', async () => {
    await rig.store.put('doubt', at(5), none)
    await rig.store.put('doubt', 'unknown', none)
    await rig.store.put('doubt', at(6), none)
    expect(await rig.store.get('doubt', none)).toBe(from(1))
    await until(async () => !(await rig.store.get('doubt', none)), 'it to expire', 5_000)
  })

  test('takes any text for a key', async () => {
    for (const key of ['a\0b', '\ud800', "'; drop table users --", '\u{1f600}'.repeat(256)]) {
      await rig.store.put(key, at(5), none)
      expect([key, await rig.store.get(key, none)]).toEqual([key, at(5)])
    }
  })

  test('shows a colleague in another region what was saved, and others what is there', async () => {
    const [ord, syd] = await Promise.all([poolIn('ord', rig.store), poolIn('syd', rig.store)])
    const name = `Barbara ${_}`
    await world.pauseReplay('syd')
    try {
      await ord.sharedSession('team:1', () => ord.query(INSERT, [name]))
      const read = (key: string): Promise<readonly [number | undefined, string]> =>
        syd.sharedSession(key, async () => {
          const { rows, servedBy } = await syd.query<{ n: number }>(READ, [name])
          return [rows[0]?.n, servedBy.server]
        })
      const [n, server] = await read('team:1')
      expect(n).toBe(1)
      expect(server).not.toBe('syd')
      expect(await read('team:2')).toEqual([0, 'syd'])
      // In a session of its own, which goes on from there.
      await syd.session(undefined, async () => {
        await read('team:1')
        expect((await syd.query<{ n: number }>(READ, [name])).rows[0]?.n).toBe(1)
      })
    } finally {
      await world.resumeReplay('syd')
    }
    await caughtUp(world, ord, syd)
    expect((await syd.sharedSession('team:1', () => syd.query('select 1'))).servedBy.server).toBe('syd')
  })

  // As of a pool that may not ask the primary for positions, and then one that may.
  test('shows what was saved when only the time was known, whatever position was seen elsewhere', async () => {
    const syd = await poolIn('syd', rig.store)
    const name = `Hedy ${_}`
    const [before] = await ask<{ id: string; timeline: number; lsn: string }>(
      world.url('nrt'),
      `select system_identifier::text as id, timeline_id as timeline, (pg_current_wal_lsn() - '0/0')::text as lsn
      from pg_control_system(), pg_control_checkpoint()`,
    )
    if (before === undefined) throw new Error('No answer')
    await caughtUp(world)
    await world.pauseReplay('syd')
    try {
      await ask(world.url('nrt'), `insert into users (name) values ('${name}')`)
      await rig.store.put('team:3', formatTimeBookmark(Date.now()), none)
      const { id, timeline, lsn } = before
      await rig.store.put('team:3', formatBookmark({ systemIdentifier: id, timeline, lsn: BigInt(lsn) }), none)
      const { rows } = await syd.sharedSession('team:3', () => syd.query<{ n: number }>(READ, [name]))
      expect(rows).toEqual([{ n: 1 }])
    } finally {
      await world.resumeReplay('syd')
    }
  })

  test('that holds garbage makes the session ask the primary, and that is told once', async () => {
    const pool = await poolIn('ord', rig.store)
    const events: StoreEvent[] = []
    pool.on('store', (event) => void events.push(event))
    await rig.store.put('spoilt', at(5), none)
    for (let i = 0; i < 2; i++) {
      // The first read puts what the primary has said.
      await rig.spoil('spoilt')
      expect((await pool.sharedSession('spoilt', () => pool.query('select 1'))).servedBy.server).toBe('nrt')
    }
    expect(events.map(({ available, code }) => [available, code])).toEqual([[true, 'NEAREST_STORE_GARBAGE']])
    expect(JSON.stringify(events)).not.toContain('spoilt')
  })

  test('that is down fails nothing, and what was written meanwhile is put when it is back', async () => {
    const pool = await poolIn('ord', rig.store)
    const events: StoreEvent[] = []
    pool.on('store', (event) => void events.push(event))
    await rig.kill()
    try {
      const { servedBy } = await pool.sharedSession('down', () => pool.query('select 1'))
      expect(servedBy.server).toBe('nrt')
      await pool.sharedSession('down', () => pool.query(INSERT, [`Radia ${_}`]))
      expect(events.map(({ available }) => available)).toEqual([false])
      expect(pool.status().bookmarkStore).toMatchObject({ unsaved: 1 })
      expect(pool.status().problems.join()).toContain('The bookmark store')
    } finally {
      await rig.start()
    }
    await until(() => pool.status().bookmarkStore?.unsaved === 0, 'it to be put')
    expect(events.at(-1)).toMatchObject({ available: true, code: undefined })
    // It has lost what it kept, or was away when something was to be kept.
    expect(await rig.store.get('elsewhere', none)).toSatisfy(isUnknownBookmark)
  })
})

test('a store that is silent is waited for no longer than it may take', async () => {
  const hangs: BookmarkStore = {
    get: () => new Promise(() => undefined),
    put: () => new Promise(() => undefined),
  }
  const pool = createPool({ ...world.poolOptions('ord'), bookmarkStore: hangs, bookmarkStoreTimeoutMs: 20 })
  pools.push(pool)
  const events: StoreEvent[] = []
  pool.on('store', (event) => void events.push(event))
  const started = performance.now()
  const { servedBy } = await pool.sharedSession('silent', () => pool.query(INSERT, ['Sophie']))
  expect(servedBy.reason).toBe('write')
  expect(performance.now() - started).toBeLessThan(5_000)
  expect(events.map(({ code }) => code)).toEqual(['NEAREST_STORE_SILENT'])
  await sleep(150)
  expect(events).toHaveLength(1)
})

describe('within the session of a request', () => {
  const empty: BookmarkStore = { get: () => Promise.resolve(undefined), put: () => Promise.resolve() }
  const shared = (pool: NearestPool, text = 'select 1'): Promise<{ readonly servedBy: { readonly server: string } }> =>
    pool.sharedSession('team:1', () => pool.query(text))

  test('it is in the mode of its route, and shows what that has to', async () => {
    const pool = await poolIn('ord', empty)
    pool.mode = 'primary-only'
    pool.modes = { normal: { routes: ['GET /reports'] } }
    const served = async (route: string): Promise<string> =>
      (await pool.session({ route }, () => shared(pool))).servedBy.server
    expect([await served('GET /reports'), await served('GET /')]).toEqual(['ord', 'nrt'])
    pool.mode = 'normal'
    const strong = await pool.session({ consistency: 'strong' }, () => shared(pool))
    expect(strong.servedBy).toMatchObject({ server: 'nrt', reason: 'strong' })
  })

  test('that learns when nothing could be written', async () => {
    const pool = await poolIn('ord', empty)
    pool.mode = 'read-only'
    const session = pool.session()
    await expect(session.run(() => shared(pool, "insert into users (name) values ('Nobody')"))).rejects.toThrow('mode')
    expect(session.unavailable).toBe(true)
  })

  test('what a client claims stays a claim', async () => {
    const pool = await poolIn('ord', empty)
    const lost: unknown[] = []
    pool.on('position-lost', (event) => void lost.push(event))
    await world.pauseReplay('syd')
    const session = pool.session()
    await session.query(INSERT, ['Katherine'])
    const position = parseBookmark(session.bookmark())
    await world.resumeReplay('syd')
    if (position === undefined) throw new Error('Every replica has it already')
    const forged = formatBookmark({ ...position, lsn: position.lsn + 2n ** 40n })
    await pool.session({ bookmark: forged, trusted: false }, () => shared(pool))
    expect(lost).toEqual([])
  })
})

test('without a store a shared session asks the primary first, and a wrong key is an error', async () => {
  const pool = await poolIn('ord', undefined)
  expect((await pool.sharedSession('team:1', () => pool.query('select 1'))).servedBy).toMatchObject({
    server: 'nrt',
    reason: 'lagging',
  })
  for (const key of ['', 'x'.repeat(513), 7 as unknown as string]) {
    await expect(pool.sharedSession(key, () => 1)).rejects.toMatchObject({ code: 'NEAREST_BAD_OPTION', option: 'key' })
  }
  const failed = new Error('of the work')
  await expect(
    pool.sharedSession('team:1', () => {
      throw failed
    }),
  ).rejects.toBe(failed)
})

// A short form of `long/team`.
test.skipIf(redisServer === undefined)(
  'a team in three regions misses nothing that a member was told is saved',
  async () => {
    const server = await RedisServer.start()
    await ask(
      world.url('nrt'),
      `create table items as select id, 0 as version from generate_series(0, ${ITEMS - 1}) as id`,
    )
    await caughtUp(world)
    const connections: Connected[] = []
    const members = await Promise.all(
      world.regions.map(async (region): Promise<Member> => {
        const connected = ioredis(server.port)
        connections.push(connected)
        const pool = await poolIn(region, redisStore(connected.client, { keepMs: KEEP_MS }))
        return { region, perform: (task) => perform(pool, task) }
      }),
    )
    const end = new AbortController()
    const pauses = pauseAtRandom(world, end.signal, Math.random)
    try {
      await sleep(KEEP_MS)
      const played = await playTeam(members, { operations: 300, atOnce: 12, random: Math.random })
      expect([played.missed, played.failed]).toEqual([[], []])
      expect(played.onPrimary).toBeLessThan(1)
      await server.kill()
      const dark = await playTeam(members, { operations: 100, atOnce: 12, random: Math.random })
      expect([dark.missed, dark.failed]).toEqual([[], []])
    } finally {
      end.abort()
      await pauses
      for (const { close } of connections) close()
      await server.kill()
    }
  },
)
