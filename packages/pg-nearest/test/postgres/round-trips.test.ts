import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type NearestPoolOptions } from '../../src/index.ts'
import { caughtUp, until, withUsers } from './fixtures.ts'
import { RoundTripCounter } from './round-trip-counter.ts'

/** Far enough that a trip cannot be mistaken for anything else. */
const LINK_MS = 160

let world: World
/** Whatever crosses the ocean is a statement's, as long as no other pool of this process has news for it. */
let unprobed: NearestPool

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: LINK_MS })
  await withUsers(world)
  unprobed = await poolIn('ord', { probeIntervalMs: 600_000 })
})
afterAll(async () => {
  await unprobed?.end()
  await world?.stop()
})

async function poolIn(region: string, options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const counter = new RoundTripCounter(world.url('nrt', { from: region }), LINK_MS)
  const made = createPool({
    ...world.poolOptions(region),
    stream: counter.stream,
    // On a busy machine the file takes so long that one would be closed, and another one's handshake be counted.
    idleTimeoutMillis: 0,
    ...options,
  })
  counters.set(made, counter)
  await made.refresh()
  // A connection to each, so that what follows is not counted with the time of a handshake.
  await Promise.all([1, 2, 3].map(() => made.primary.query('select 1')))
  await made.query('select 1')
  await made.refresh()
  // What was dialled for a query that another connection has served by now, and where the monitor looks whether the name has moved.
  const isProbed = options.probeIntervalMs === undefined
  await until(() => made.idleCount === made.totalCount && (isProbed || counter.isQuiet), 'all that is on its way')
  return made
}

const counters = new WeakMap<NearestPool, RoundTripCounter>()

function trips<T>(by: NearestPool, work: () => Promise<T>): Promise<{ trips: number; ms: number; value: T }> {
  return (counters.get(by) as RoundTripCounter).of(work)
}

const insert = { text: 'insert into users (name, age) values ($1, 1)' }
let serial = 0
const someone = (): { text: string; values: string[] } => ({ ...insert, values: [`Somebody ${++serial}`] })

describe.each(['session', 'strong'] as const)('a write (%s)', (consistency) => {
  test('and its position: one round trip', async () => {
    const one = await trips(unprobed, () => unprobed.session({ consistency }, () => unprobed.query(someone())))
    expect(one.trips).toBe(1)
    expect(one.value.servedBy).toMatchObject({ server: 'nrt', attempts: 1 })
  })
})

describe('transaction()', () => {
  test.each([1, 2, 3, 5])('of %i statements, awaited one by one: one round trip more', async (n) => {
    const counted = await trips(unprobed, () =>
      unprobed.transaction(async (tx) => {
        for (let i = 0; i < n; i++) await tx.query(someone())
      }),
    )
    expect(counted.trips).toBe(n + 1)
  })

  test('with nothing awaited in between: one round trip', async () => {
    const names: string[] = []
    const counted = await trips(unprobed, () =>
      unprobed.transaction((tx) => {
        for (let i = 0; i < 5; i++) {
          const one = someone()
          names.push(...one.values)
          void tx.query(one)
        }
      }),
    )
    expect(counted.trips).toBe(1)
    const { rows } = await unprobed.primary.query('select name from users where name = any($1) order by id', [names])
    expect(rows.map(({ name }) => name as string)).toEqual(names)
  })

  test('whose function returns the promise of its only statement: one round trip', async () => {
    const one = someone()
    const counted = await trips(unprobed, () => unprobed.transaction((tx) => tx.query(one)))
    expect([counted.trips, counted.value.rowCount]).toEqual([1, 1])
    expect((await unprobed.primary.query('select 1 from users where name = $1', one.values)).rowCount).toBe(1)
  })

  test.each([1, 3])('of %i statements, the last of which commits: none beyond them', async (n) => {
    const counted = await trips(unprobed, () =>
      unprobed.transaction(async (tx) => {
        for (let i = 1; i < n; i++) await tx.query(someone())
        return tx.commitWith(someone())
      }),
    )
    expect([counted.trips, counted.value.rowCount]).toEqual([n, 1])
  })

  test('what is awaited together travels together', async () => {
    const counted = await trips(unprobed, () =>
      unprobed.transaction(async (tx) => {
        await tx.query('select 1')
        return Promise.all([tx.query(someone()), tx.query('select 2 as n'), tx.query(someone())])
      }),
    )
    expect(counted.trips).toBe(3)
    expect(counted.value[1].rows).toEqual([{ n: 2 }])
    expect(counted.value[1].servedBy).toMatchObject({ server: 'nrt', reason: 'transaction' })
  })

  test('of nothing: none', async () => {
    expect((await trips(unprobed, () => unprobed.transaction(() => 'nothing'))).trips).toBe(0)
  })

  test('that throws before its first statement: none', async () => {
    const thrown = new Error('thought better of it')
    const counted = await trips(unprobed, () =>
      expect(
        unprobed.transaction(() => {
          throw thrown
        }),
      ).rejects.toBe(thrown),
    )
    expect(counted.trips).toBe(0)
  })

  test('pipeline: false pays for each, and gives the same', async () => {
    await using plain = await poolIn('ord', { pipeline: false })
    const counted = await trips(plain, () =>
      plain.transaction(async (tx) => {
        await tx.query(someone())
        void tx.query(someone())
      }),
    )
    expect(counted.trips).toBeGreaterThan(3)
    const session = plain.session()
    const one = await session.query(someone())
    expect((await session.query('select count(*)::int as n from users')).rows).toEqual([
      { n: (await plain.primary.query('select count(*)::int as n from users')).rows[0]?.n as number },
    ])
    expect(one.servedBy.server).toBe('nrt')
  })
})

describe('a batch', () => {
  test.each<[string, (many: { text: string }[]) => Promise<unknown[]>]>([
    ['each by itself', (many) => unprobed.batch(many)],
    ['in one transaction', (many) => unprobed.batch(many, { transaction: true })],
  ])('of 200 writes, %s: one round trip', async (_, run) => {
    const counted = await trips(unprobed, () => run(Array.from({ length: 200 }, someone)))
    expect([counted.trips, counted.value.length]).toEqual([1, 200])
  })

  test('of reads and writes: one round trip for both', async () => {
    const counted = await trips(unprobed, () => unprobed.batch(['select 1', someone(), 'select 2', someone()]))
    expect(counted.trips).toBe(1)
    expect(counted.value.map(({ status }) => status)).toEqual(counted.value.map(() => 'fulfilled'))
  })
})

describe('a borrowed client', () => {
  test('what it has set costs none here, and one more where it writes first, however many settings there are', async () => {
    const client = await unprobed.connect()
    const settings = ['set jit = off', "set work_mem = '5MB'", 'set search_path to public', "set time zone 'UTC'"]
    const set = await trips(unprobed, async () => {
      for (const text of settings) await client.query(text)
    })
    expect(set.trips).toBe(0)
    const write = (): Promise<unknown> => client.query({ ...insert, values: [`setting ${serial++}`] })
    expect((await trips(unprobed, write)).trips, 'the settings and the write').toBe(2)
    expect((await trips(unprobed, write)).trips).toBe(1)
    client.release()
  })

  test.each([1, 3])('BEGIN, %i statements and COMMIT, awaited one by one: one round trip more', async (n) => {
    const client = await unprobed.connect()
    const counted = await trips(unprobed, async () => {
      await client.query('BEGIN')
      for (let i = 0; i < n; i++) await client.query(someone())
      return client.query('COMMIT')
    })
    client.release()
    expect(counted.trips).toBe(n + 1)
    expect(counted.value.command).toBe('COMMIT')
  })

  test('and nothing awaited: one', async () => {
    const client = await unprobed.connect()
    const counted = await trips(unprobed, () =>
      Promise.all([client.query('BEGIN'), client.query(someone()), client.query(someone()), client.query('COMMIT')]),
    )
    client.release()
    expect(counted.trips).toBe(1)
    expect(counted.value.map(({ command }) => command)).toEqual(['BEGIN', 'INSERT', 'INSERT', 'COMMIT'])
  })
})

describe('a read right after a write', () => {
  let pool: NearestPool
  beforeAll(async () => {
    pool = await poolIn('ord')
  })
  afterAll(() => pool?.end())
  beforeEach(() => caughtUp(world))

  test('with the replica caught up: no ocean, and it is there', async () => {
    await pool.session(undefined, async () => {
      const one = someone()
      await pool.query(one)
      await caughtUp(world)
      const read = await trips(pool, () => pool.query('select 1 from users where name = $1', one.values))
      expect(read.value.rowCount).toBe(1)
      expect(read.value.servedBy).toMatchObject({ server: 'ord', reason: 'own-region' })
      expect(read.ms).toBeLessThan(LINK_MS / 2)
    })
  })

  test('outside of a session likewise', async () => {
    const one = someone()
    await pool.query(one)
    await caughtUp(world)
    const read = await trips(pool, () => pool.query('select 1 from users where name = $1', one.values))
    expect([read.value.rowCount, read.value.servedBy.server, read.trips]).toEqual([1, 'ord', 0])
  })

  test('with the replay paused: one round trip to the primary, and nothing beyond it', async () => {
    await world.pauseReplay('ord')
    try {
      const session = pool.session()
      const one = someone()
      await session.query(one)
      let least = Number.POSITIVE_INFINITY
      // What a busy machine adds is not ours.
      for (let i = 0; i < 5 || (least >= 1.1 * LINK_MS && i < 25); i++) {
        const read = await trips(pool, () => session.query('select 1 from users where name = $1', one.values))
        expect(read.value.rowCount).toBe(1)
        expect(read.value.servedBy).toMatchObject({ server: 'nrt', reason: 'lagging' })
        least = Math.min(least, read.ms)
      }
      expect(least).toBeLessThan(1.1 * LINK_MS)
    } finally {
      await world.resumeReplay('ord')
    }
  })

  test('and as soon as the replica is there, it is read again', async () => {
    await world.pauseReplay('ord')
    const session = pool.session()
    await session.query(someone())
    expect((await session.query('select 1')).servedBy.server).toBe('nrt')
    await world.resumeReplay('ord')
    await until(async () => (await session.query('select 1')).servedBy.server === 'ord', 'ord to be read', 2_000)
  })

  test('a replica that catches up within a few milliseconds is waited for', async () => {
    const far = await poolIn('ord', { consistency: 'session' })
    const session = far.session()
    const reads: string[] = []
    for (let i = 0; i < 10; i++) {
      await session.query(someone())
      reads.push((await session.query('select 1')).servedBy.server)
      await sleep(5)
    }
    await far.end()
    // The write's own WAL is on its way while its answer is.
    expect(reads).toContain('ord')
  })
})
