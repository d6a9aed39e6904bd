import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type NearestPoolOptions, type Session } from '../../src/index.ts'
import { formatBookmark, parseBookmark } from '../../src/session/bookmark-text.ts'
import { ask, caughtUp, until, withUsers } from './fixtures.ts'
import { readByMangled } from './mangled-bookmarks.ts'

/** Short enough to be quick, and long enough that a pause of a replica is not waited for. */
const LINK_MS = 30

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: LINK_MS })
  await withUsers(world)
  await ask(world.url('nrt'), 'create table registers (id text primary key, n int not null)')
  await caughtUp(world)
})
afterAll(() => world?.stop())

const pools: NearestPool[] = []
async function poolIn(region: string, options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const pool = createPool({ ...world.poolOptions(region), ...options })
  pools.push(pool)
  await pool.refresh()
  return pool
}

let ord: NearestPool
let syd: NearestPool
beforeEach(async () => {
  await world.resumeReplay('ord')
  await world.resumeReplay('syd')
  await caughtUp(world)
  ord = await poolIn('ord')
  syd = await poolIn('syd')
})
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => (pool.ending ? Promise.resolve() : pool.end())))
})

let serial = 0
const set = (n = ++serial): { text: string; values: number[] } => ({
  text: "insert into registers values ('x', $1) on conflict (id) do update set n = excluded.n",
  values: [n],
})
const get = "select n from registers where id = 'x'"
const valueOf = async (read: Promise<{ rows: { n: number }[] }>): Promise<number | undefined> => (await read).rows[0]?.n

describe('a bookmark handed to another region', () => {
  test('shows there what was written here, and sends nobody over the ocean once it has arrived', async () => {
    await world.pauseReplay('syd')
    const session = ord.session()
    await session.query(set())
    const bookmark = session.bookmark()
    expect(bookmark).toMatch(/^[\w-]{32}$/)
    const there = syd.session(bookmark)
    const read = await there.query<{ n: number }>(get)
    expect(read.rows).toEqual([{ n: serial }])
    // The primary, or the other replica if it is known to have it by now.
    expect(read.servedBy).toMatchObject({ server: expect.not.stringMatching('syd') as string, reason: 'lagging' })
    // Without it the replica's own, older answer is good enough.
    expect((await syd.query(get)).servedBy.server).toBe('syd')
    await world.resumeReplay('syd')
    await caughtUp(world, ...pools)
    const next = await syd.session(bookmark).query(get)
    expect(next.servedBy).toMatchObject({ server: 'syd', reason: 'own-region' })
  })

  test('is dropped once every replica was seen to show it', async () => {
    const session = ord.session()
    await session.query(set())
    expect(session.bookmark()).toBeDefined()
    await caughtUp(world, ...pools)
    expect(session.bookmark()).toBeUndefined()
  })

  test('stays while a replica is behind, or down', async () => {
    await world.pauseReplay('syd')
    const session = ord.session()
    await session.query(set())
    await ord.refresh()
    expect(session.bookmark()).toBeDefined()
  })

  test('what a read has seen is part of it: time does not go backwards', async () => {
    await world.pauseReplay('syd')
    await ord.primary.query(set())
    await until(async () => (await valueOf(ord.session().query(get))) === serial, 'ord to have it')
    const session = ord.session()
    expect(await valueOf(session.query(get))).toBe(serial)
    // Only read, never written: syd must not answer with what it has.
    expect(await valueOf(syd.session(session.bookmark()).query(get))).toBe(serial)
  })

  test('of a transaction, and of a borrowed client', async () => {
    await world.pauseReplay('syd')
    const session = ord.session()
    await session.transaction(async (tx) => {
      await tx.query(set())
    })
    expect(await valueOf(syd.session(session.bookmark()).query(get))).toBe(serial)
    const client = await session.connect()
    await client.query('begin')
    await client.query(set())
    await client.query('commit')
    client.release()
    expect(await valueOf(syd.session(session.bookmark()).query(get))).toBe(serial)
  })
})

describe('a session', () => {
  test('leaves no transaction behind on a replica that was too far behind for it', async () => {
    const pool = await poolIn('ord', { max: 1 })
    const session = pool.session()
    await world.pauseReplay('ord')
    await session.query(set())
    const frozen = { readOnly: true, isolationLevel: 'repeatable read' } as const
    const seen = await session.transaction(frozen, (tx) => valueOf(tx.query(get)))
    expect(seen).toBe(serial)
    const open = "select count(*)::int as n from pg_stat_activity where state like 'idle in transaction%'"
    expect(await ask(world.url('ord'), open)).toEqual([{ n: 0 }])
    await world.resumeReplay('ord')
    await session.query(set())
    await caughtUp(world, ...pools)
    const read = await session.query<{ n: number }>(get)
    expect(read.servedBy.server).toBe('ord')
    expect(read.rows).toEqual([{ n: serial }])
  })

  test('has its read-only transaction stay on the replica where it began; what is written beside it shows in the next', async () => {
    const session = (await poolIn('ord')).session()
    await session.query(set())
    const before = serial
    await caughtUp(world, ...pools)
    await world.pauseReplay('ord')
    try {
      await session.transaction({ readOnly: true }, async (tx) => {
        expect(await valueOf(tx.query(get))).toBe(before)
        await session.query(set())
        const read = await tx.query<{ n: number }>(get)
        expect([read.rows[0]?.n, read.servedBy.server]).toEqual([before, 'ord'])
      })
      const next = await session.transaction({ readOnly: true }, (tx) => tx.query<{ n: number }>(get))
      expect(next.rows[0]?.n).toBe(serial)
      // The primary, or the other replica if it is known to have it by now.
      expect(next.servedBy.server).not.toBe('ord')
    } finally {
      await world.resumeReplay('ord')
    }
  })

  test('is found by everything that runs in it, and by nothing else', async () => {
    await world.pauseReplay('ord')
    await ord.session(undefined, async () => {
      await ord.query(set())
      await Promise.all([sleep(1), new Promise((resolve) => setImmediate(resolve))])
      expect(await valueOf(ord.query(get))).toBe(serial)
      expect(await valueOf(ord.replica().query(get))).toBe(serial)
      const bookmark = ord.bookmark()
      expect(bookmark).toBeDefined()
      // One of its own within: it has seen nothing yet.
      await ord.session(undefined, async () => {
        expect((await ord.query(get)).servedBy.server).toBe('ord')
        expect(ord.bookmark()).not.toBe(bookmark)
      })
      // Another pool's sessions are its own.
      expect(syd.bookmark()).toBeUndefined()
    })
  })

  test('outside of any, the whole process is one', async () => {
    await world.pauseReplay('ord')
    expect((await ord.query(get)).servedBy.server).toBe('ord')
    await ord.query(set())
    expect(await valueOf(ord.query(get))).toBe(serial)
    expect(await valueOf(ord.replica().query(get))).toBe(serial)
    await ord.session(undefined, () => ord.query(set()))
    // What is written in a session was written in this process, too.
    expect(await valueOf(ord.query(get))).toBe(serial)
  })

  test('two replicas of one region: what one has shown, the other shows', async () => {
    await using pool = await poolIn('ord', {
      replicas: { ord: [world.url('ord'), world.url('syd', { from: 'ord' })] },
    })
    await pool.refresh()
    await world.pauseReplay('ord')
    for (let i = 0; i < 30; i++) {
      await ask(
        world.url('nrt'),
        `insert into registers values ('x', ${++serial}) on conflict (id) do update set n = ${serial}`,
      )
      let newest = 0
      for (let j = 0; j < 5; j++) {
        const n = (await valueOf(pool.query(get))) ?? 0
        expect(n).toBeGreaterThanOrEqual(newest)
        newest = n
      }
    }
  })

  test('the reads of many begin together, and none is older than what was acknowledged before it', async () => {
    const session = ord.session()
    for (let round = 0; round < 10; round++) {
      if (round % 3 === 1) await world.pauseReplay('ord')
      await session.query(set())
      const reads = await Promise.all(Array.from({ length: 20 }, () => valueOf(session.query(get))))
      expect(new Set(reads)).toEqual(new Set([serial]))
      if (round % 3 === 1) await world.resumeReplay('ord')
    }
  })
})

describe('consistency', () => {
  test.each([
    ['eventual', 'ord', 'own-region'],
    ['session', 'nrt', 'lagging'],
    ['strong', 'nrt', 'strong'],
  ] as const)('%s, per pool, per session and per call', async (consistency, server, reason) => {
    await using pool = await poolIn('ord', { consistency })
    await world.pauseReplay('ord')
    // Else the other replica may be known to have it in time.
    await world.pauseReplay('syd')
    await pool.query(set())
    expect((await pool.query(get)).servedBy).toMatchObject({ server, reason })
    const session = ord.session({ consistency })
    await session.query(set())
    expect((await session.query(get)).servedBy).toMatchObject({ server, reason })
    await ord.query(set())
    expect((await ord.query({ text: get, consistency })).servedBy).toMatchObject({ server, reason })
  })

  test('maxStalenessMs: a replica that is provably fresh enough, else whoever is; an idle primary is not lag', async () => {
    await using pool = await poolIn('ord', { probeIntervalMs: 50 })
    const fresh = { text: get, consistency: { maxStalenessMs: 1_000 } }
    await sleep(1_500)
    await until(async () => (await pool.query(fresh)).servedBy.server === 'ord', 'ord to be proven', 2_000)
    await world.pauseReplay('ord')
    await ask(world.url('nrt'), `update registers set n = ${++serial}`)
    await until(async () => (await pool.query(fresh)).servedBy.server !== 'ord', 'ord to be too old', 4_000)
    // The primary, or the other replica, which is as far away and has it.
    expect((await pool.query(fresh)).servedBy.reason).toBe('lagging')
    // This process has seen more meanwhile; somebody new has not.
    expect((await pool.session().query({ text: get, consistency: { maxStalenessMs: 60_000 } })).servedBy.server).toBe(
      'ord',
    )
    expect((await pool.query({ text: get, consistency: { maxStalenessMs: 0 } })).servedBy.server).toBe('nrt')
  })

  test('what is none is refused', async () => {
    expect(() => createPool({ ...world.poolOptions('ord'), consistency: 'linear' as never })).toThrow(/consistency/)
    expect(() => ord.session({ consistency: { maxStalenessMs: -1 } })).toThrow(/consistency/)
    await expect(ord.query({ text: get, consistency: 5 as never })).rejects.toMatchObject({
      code: 'NEAREST_BAD_OPTION',
    })
  })
})

/** A read on the primary may make WAL of its own, which nobody is in a hurry to send: up to `wal_writer_delay`, 200 ms. */
async function returns(session: Session): Promise<void> {
  await until(async () => (await session.query(get)).servedBy.server === 'ord', 'the session to read next door', 2_000)
}

describe('a bookmark that cannot be read, or is of elsewhere', () => {
  const otherCluster = formatBookmark({ systemIdentifier: '123', timeline: 1, lsn: 0xffffffn })

  test.each([
    ['garbage', 'garbage'],
    ['an empty text', ''],
    ['another cluster’s', otherCluster],
  ])('%s: the primary answers once, and the session goes on from there', async (_, bookmark) => {
    await ord.primary.query(set())
    const session = ord.session(bookmark)
    const first = await session.query<{ n: number }>(get)
    expect(first.servedBy).toMatchObject({ server: 'nrt', reason: 'lagging', attempts: 1 })
    expect(first.rows).toEqual([{ n: serial }])
    await returns(session)
  })

  test('from the future: the primary says that there is no such position', async () => {
    const known = ord.session()
    await known.query(set())
    const real = parseBookmark(known.bookmark())
    const forged = real === undefined ? '' : formatBookmark({ ...real, lsn: real.lsn + 1_000_000_000n })
    const lost: unknown[] = []
    ord.on('position-lost', (event) => lost.push(event))
    const session = ord.session(forged)
    const first = await session.query(get)
    expect(first.servedBy.server).toBe('nrt')
    expect(lost).toMatchObject([{ server: 'nrt', lost: { timeline: 1 }, now: { timeline: 1 } }])
    await returns(session)
    expect(lost).toHaveLength(1)
  })
})

test('1,000 mangled bookmarks break nothing, give no stale answer, and are not waited for', () => readByMangled(1_000))
