import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import pg from 'pg'
import { createPool, type NearestPool } from '../../src/index.ts'
import type { Served } from '../../src/route/query-types.ts'
import { formatBookmark, formatUnknownFrom } from '../../src/session/bookmark-text.ts'
import { administer, ask, caughtUp, until, withUsers } from './fixtures.ts'
import { rejectionOf, within } from './settling.ts'

/** What a client may bring where bookmarks are not signed: a position that nobody has ever had. */
const RTT_MS = 60

let world: World
let pool: NearestPool
/** Beside the pool, over the same link. */
let bare: pg.Client
let lost: number
let system: string
let timeline: number
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: RTT_MS })
  await withUsers(world)
  bare = new pg.Client({ connectionString: world.url('nrt', { from: 'ord' }) })
  await bare.connect()
  const [row] = await ask<{ system: string; timeline: number }>(
    world.url('nrt'),
    'select system_identifier::text as system, timeline_id as timeline from pg_control_system(), pg_control_checkpoint()',
  )
  system = row?.system ?? ''
  timeline = row?.timeline ?? 0
})
afterAll(async () => {
  await bare?.end()
  await world?.stop()
})
beforeEach(async () => {
  // A busy machine is not a silent server: that would move reads.
  pool = createPool({ ...world.poolOptions('ord'), probeTimeoutMs: 10_000 })
  await pool.refresh()
  await caughtUp(world, pool)
  lost = 0
  pool.on('position-lost', () => lost++)
})
afterEach(() => pool.destroy())

async function msOf(work: Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work
  return performance.now() - begun
}

/** What the primary can tell, and what the replica has. */
async function positionsOf(): Promise<[primary: string | undefined, replica: string | undefined]> {
  const [told] = await administer<{ lsn: string }>(world, 'nrt', 'select pg_current_wal_insert_lsn() as lsn')
  const [shown] = await administer<{ lsn: string }>(world, 'ord', 'select pg_last_wal_replay_lsn() as lsn')
  return [told?.lsn, shown?.lsn]
}

/**
 * Works while the replica has all that the primary can tell: once more if the primary has logged something by itself meanwhile, as it does for
 * its standbys within 15 s of a write.
 */
async function withAllShown<T>(work: () => Promise<T>): Promise<T> {
  let result: T | undefined
  await until(
    async () => {
      await caughtUp(world, pool)
      const [told, shown] = await positionsOf()
      // At the end of a page the primary tells where the next one's records begin.
      if (told !== shown) {
        await pool.query('update hits set n = n + 1')
        return false
      }
      result = await work()
      const [now] = await positionsOf()
      return now === told
      // Where others have both cores, the work takes as long as the primary waits.
    },
    'the primary to log nothing by itself',
    45_000,
  )
  return result as T
}

/** Writes one after the other, beside what is under way. They change nothing, so that no replica lacks them. */
async function expectPromptWrites(): Promise<void> {
  const write = 'update hits set n = n + 1 where false'
  const took: number[] = []
  // What the machine and the link take for as much, at the same time, is not the pool's.
  const plain: number[] = []
  for (let i = 0; i < 5; i++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const [ours, theirs] = await Promise.all([msOf(pool.query(write)), msOf(bare.query(write))])
    took.push(ours)
    plain.push(theirs)
  }
  expect(Math.max(...took)).toBeLessThan(6 * Math.max(RTT_MS, ...plain))
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code

const FAR = 0xff00_0000_0000n

const claims: { name: string; make: () => string }[] = [
  {
    name: 'a later timeline',
    make: () => formatBookmark({ systemIdentifier: system, timeline: timeline + 1, lsn: 1n, certainLsn: 1n }),
  },
  {
    name: 'a later timeline alone',
    make: () => formatUnknownFrom({ systemIdentifier: system, timeline: 2 ** 32 - 1 }),
  },
  {
    name: 'a far position',
    make: () => formatBookmark({ systemIdentifier: system, timeline, lsn: FAR, certainLsn: FAR }),
  },
  {
    name: 'another cluster',
    make: () => formatBookmark({ systemIdentifier: '42', timeline, lsn: 1n, certainLsn: 1n }),
  },
  { name: 'nothing that can be read', make: () => 'garbage' },
]

interface Limits {
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

/** Counts the users whose name begins like this. */
type Count = (on: NearestPool, name: string, limits?: Limits) => Promise<Served<pg.QueryResult<{ n: number }>>>

const counting = (name: string) => ({
  text: "select count(*)::int as n from users where name like $1 || '%'",
  values: [name],
})

const ways: { way: string; count: Count }[] = [
  { way: 'pool.query', count: (on, name, limits) => on.query<{ n: number }>({ ...counting(name), ...limits }) },
  {
    way: 'a read-only transaction',
    count: (on, name, limits) =>
      on.transaction({ readOnly: true, ...limits }, (tx) => tx.query<{ n: number }>(counting(name))),
  },
  {
    way: 'a borrowed client',
    count: async (on, name, limits) => {
      const client = await on.connect()
      try {
        return await client.query<{ n: number }>({ ...counting(name), ...limits })
      } finally {
        client.release()
      }
    },
  },
]

describe.each(claims)('a claim of $name', ({ make }) => {
  test('is settled by the primary’s answer, is not waited for, and is told to nobody', async () => {
    const begun = performance.now()
    const read = pool.session({ bookmark: make(), trusted: false }, () =>
      pool.query('select count(*)::int as n from users'),
    )
    const { rows } = await within(4_000, 'the read', read)
    expect(rows).toEqual([{ n: 3 }])
    // Connecting to the primary, once, and a trip or two.
    expect(performance.now() - begun).toBeLessThan(1_500)
    expect(lost).toBe(0)
  })

  test.each(ways)('three hundred of them share what they ask in $way, and honest writes do not wait', async (way) => {
    const threeHundred = () =>
      Array.from({ length: 300 }, () => pool.session({ bookmark: make(), trusted: false }, () => way.count(pool, '')))
    const honest = Array.from({ length: 300 }, () => way.count(pool, ''))
    const patienceMs = 5_000 + 3 * (await msOf(Promise.all(honest)))
    const served = await withAllShown(() => within(patienceMs, 'the reads', Promise.all(threeHundred())))
    // Whoever reads from the primary has asked it for himself.
    const there = served.filter(({ servedBy }) => servedBy.server === 'nrt')
    const why = new Set(there.map(({ servedBy }) => servedBy.reason))
    const known = pool.status().servers.map(({ name, health, lsn, rttMs }) => `${name} ${health} ${lsn} ${rttMs}`)
    expect(there.length, `${[...why].join(', ')}; ${known.join(', ')}`).toBeLessThan(60)
    const forged = threeHundred()
    await expectPromptWrites()
    await within(patienceMs, 'the reads beside writes', Promise.all(forged))
    expect(lost).toBe(0)
  })

  test.each(ways)('where only the primary can answer three hundred in $way, honest writes go first', async (way) => {
    await world.pauseReplay('ord')
    try {
      await pool.query('update hits set n = n + 1')
      const forged = Array.from({ length: 300 }, () =>
        pool.session({ bookmark: make(), trusted: false }, () => way.count(pool, '')),
      )
      const all = Promise.all(forged)
      // Until they wait for the primary's connections.
      await Promise.race(forged)
      await expectPromptWrites()
      for (const { servedBy } of await within(60_000, 'the reads', all)) expect(servedBy.server).toBe('nrt')
    } finally {
      await world.resumeReplay('ord')
    }
    expect(lost).toBe(0)
  })
})

test('a position that was written elsewhere, and that this process has not heard of, is shown', async () => {
  const other = createPool(world.poolOptions('nrt'))
  try {
    for (let i = 0; i < 5; i++) {
      const name = `Elsewhere ${i}`
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const bookmark = await other.session(undefined, async () => {
        await other.query('insert into users (name) values ($1)', [name])
        return other.bookmark()
      })
      // oxlint-disable-next-line no-await-in-loop -- as above
      const { rows } = await pool.session({ bookmark, trusted: false }, () =>
        pool.query('select name from users where name = $1', [name]),
      )
      expect(rows).toEqual([{ name }])
    }
  } finally {
    await other.destroy()
    await ask(world.url('nrt'), "delete from users where name like 'Elsewhere%'")
  }
  expect(lost).toBe(0)
})

test('a primary that cannot be asked settles nothing: the session never shows less than it claims', async () => {
  const [near, far] = [createPool(world.poolOptions('nrt')), createPool(world.poolOptions('ord'))]
  far.on('error', () => undefined)
  try {
    await far.refresh()
    world.partition('nrt', 'ord')
    const bookmark = await near.session(undefined, async () => {
      await near.query("insert into users (name) values ('Elsewhere')")
      return near.bookmark()
    })
    const names = (): Promise<unknown> =>
      far
        .query({ text: "select name from users where name = 'Elsewhere'", timeoutMs: 2_000 })
        .then(({ rows }) => rows.length, codeOf)
    await far.session({ bookmark, trusted: false }, async () => {
      for (let i = 0; i < 2; i++) {
        const cut = Promise.all([names(), names(), names()])
        // oxlint-disable-next-line no-await-in-loop -- the second comes when the primary is known to be silent
        expect(await within(10_000, 'reads while it is cut off', cut)).not.toContain(0)
      }
      world.heal('nrt', 'ord')
      expect(await within(10_000, 'a read afterwards', names())).toBe(1)
    })
  } finally {
    world.heal('nrt', 'ord')
    await Promise.all([near.destroy(), far.destroy()])
    await ask(world.url('nrt'), "delete from users where name = 'Elsewhere'")
  }
})

describe('while the primary cannot be reached', () => {
  const far = (): string => formatBookmark({ systemIdentifier: system, timeline, lsn: FAR, certainLsn: FAR })

  beforeEach(async () => {
    pool.on('error', () => undefined)
    await Promise.all([pool.query('select 1'), pool.primary.query('select 1')])
    world.partition('nrt', 'ord')
  })
  afterEach(() => world.heal('nrt', 'ord'))

  test.each(claims.filter(({ name }) => !name.startsWith('a later timeline')))(
    'those who share the question wait as long as the one who goes: $name',
    async ({ make }) => {
      const reads = [0, 1, 2].flatMap(() =>
        ways.map(({ count }) => pool.session({ bookmark: make(), trusted: false }, () => count(pool, ''))),
      )
      const all = Promise.all(reads)
      all.catch(() => undefined)
      await sleep(2_000)
      world.heal('nrt', 'ord')
      const rows = (await within(15_000, 'the reads', all)).map((served) => served.rows[0]?.n)
      expect(rows).toEqual(reads.map(() => 3))
    },
  )

  test.each(ways)('a limit ends the wait for the shared question at once in $way', async ({ count }) => {
    const read = (limits?: Limits): Promise<unknown> =>
      pool.session({ bookmark: far(), trusted: false }, () => count(pool, '', limits))
    let isAnswered = false
    const first = read().then(
      () => (isAnswered = true),
      () => (isAnswered = true),
    )
    const reason = new Error('enough')
    const controller = new AbortController()
    setTimeout(() => controller.abort(reason), 100)
    const both = Promise.all([
      rejectionOf(read({ timeoutMs: 100 }), 'the read with timeoutMs'),
      rejectionOf(read({ signal: controller.signal }), 'the read with a signal'),
    ])
    // Timers keep their order, however busy the process is.
    const [byTime, bySignal] = await Promise.race([both, sleep(400, ['late', 'late'])])
    expect(isAnswered).toBe(false)
    expect(codeOf(byTime)).toBe('NEAREST_TIMEOUT')
    expect(bySignal).toBe(reason)
    world.heal('nrt', 'ord')
    await within(15_000, 'the first read', first)
  })

  test.each(ways)('it ends the one who goes before his connection is given up, in $way', async ({ count }) => {
    const read = pool.session({ bookmark: far(), trusted: false }, () => count(pool, '', { timeoutMs: 100 }))
    // It is given up a second after the limit.
    const first = await Promise.race([rejectionOf(read, 'the read'), sleep(900, 'his connection')])
    expect(codeOf(first)).toBe('NEAREST_TIMEOUT')
  })
})

describe('a trusted bookmark of a timeline that is no more, because an old state was restored', () => {
  const later = (): string =>
    formatBookmark({ systemIdentifier: system, timeline: timeline + 1, lsn: 1n, certainLsn: 1n })

  test.each(ways)('is told as lost once all servers have said so, in $way', async ({ count }) => {
    const begun = performance.now()
    const counts = await pool.session(later(), async () => {
      const first = await within(5_000, 'the read', count(pool, ''))
      return [first, await count(pool, '')].map(({ rows }) => rows[0]?.n)
    })
    expect(counts).toEqual([3, 3])
    expect(performance.now() - begun).toBeLessThan(2_500)
    expect(lost).toBe(1)
  })

  test('is told once to a session whose reads run together', async () => {
    const reads = await pool.session(later(), () =>
      within(5_000, 'the reads', Promise.all(ways.map(({ count }) => count(pool, '')))),
    )
    expect(reads.map(({ rows }) => rows[0]?.n)).toEqual([3, 3, 3])
    expect(lost).toBe(1)
  })

  test('is also told to a session that begins with a write', async () => {
    const { rows } = await pool.session(later(), async () => {
      await pool.query('update hits set n = n + 1')
      return within(5_000, 'the read', pool.query('select count(*)::int as n from users'))
    })
    expect(rows).toEqual([{ n: 3 }])
    expect(lost).toBe(1)
  })
})

describe('a promotion on the other side of a partition', () => {
  let split: World
  let here: NearestPool
  let there: NearestPool
  beforeAll(async () => {
    split = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
    await withUsers(split)
    here = createPool({ ...split.poolOptions('nrt'), failoverTimeoutMs: 3_000 })
    there = createPool(split.poolOptions('ord'))
    for (const each of [here, there]) each.on('error', () => undefined)
    await caughtUp(split, here, there)
    await Promise.all([here.query('select 1'), there.query('select 1')])
    split.partition('nrt', 'ord')
    // A superuser may promote.
    await administer(split, 'ord', 'select pg_promote()')
    await until(() => there.status().servers.some(({ name, writeTo }) => name === 'ord' && writeTo), 'the promotion')
  })
  afterAll(async () => {
    await Promise.all([here.destroy(), there.destroy()])
    await split.stop()
  })

  test('no read of a trusted bookmark from there shows less than it', async () => {
    const told: unknown[] = []
    here.on('position-lost', (event) => told.push(event))
    const bookmark = await there.session(undefined, async () => {
      await there.query("insert into users (name) values ('Promoted')")
      return there.bookmark()
    })
    const inSession = (count: Count): Promise<unknown> =>
      here.session(bookmark, () => count(here, 'Promoted')).then(({ rows }) => rows[0]?.n, codeOf)
    for (let i = 0; i < 2; i++) {
      // oxlint-disable-next-line no-await-in-loop -- the second round comes when everything is known that can be
      const cut = await within(
        10_000,
        'reads while it is cut off',
        Promise.all(ways.map(({ count }) => inSession(count))),
      )
      expect(cut).toEqual(ways.map(() => 'NEAREST_NO_SERVER'))
    }
    const waiting = ways.map(({ count }) => inSession(count))
    split.heal('nrt', 'ord')
    expect(await within(10_000, 'reads that wait for it', Promise.all(waiting))).toEqual([1, 1, 1])
    expect(told).toEqual([])
  })
})
