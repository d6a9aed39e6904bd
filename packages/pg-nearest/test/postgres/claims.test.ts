import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { formatBookmark } from '../../src/session/bookmark-text.ts'
import { ask, caughtUp, withUsers } from './fixtures.ts'
import { within } from './settling.ts'

/** What a client may bring where bookmarks are not signed: a position that nobody has ever had. */
const RTT_MS = 60

let world: World
let pool: NearestPool
let lost: number
let system: string
let timeline: number
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: RTT_MS })
  await withUsers(world)
  const [row] = await ask<{ system: string; timeline: number }>(
    world.url('nrt'),
    'select system_identifier::text as system, timeline_id as timeline from pg_control_system(), pg_control_checkpoint()',
  )
  system = row?.system ?? ''
  timeline = row?.timeline ?? 0
})
afterAll(() => world.stop())
beforeEach(async () => {
  pool = createPool(world.poolOptions('ord'))
  await pool.refresh()
  await caughtUp(world, pool)
  lost = 0
  pool.on('position-lost', () => lost++)
})
afterEach(() => pool.destroy())

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code

const FAR = 0xff00_0000_0000n

const claims: { name: string; make: () => string }[] = [
  {
    name: 'a later timeline',
    make: () => formatBookmark({ systemIdentifier: system, timeline: timeline + 1, lsn: 1n, certain: true }),
  },
  {
    name: 'a far position',
    make: () => formatBookmark({ systemIdentifier: system, timeline, lsn: FAR, certain: true }),
  },
  {
    name: 'another cluster',
    make: () => formatBookmark({ systemIdentifier: '42', timeline, lsn: 1n, certain: true }),
  },
  { name: 'nothing that can be read', make: () => 'garbage' },
]

function read(bookmark: string, trusted = false) {
  return pool.session({ bookmark, trusted }, () => pool.query('select count(*)::int as n from users'))
}

describe.each(claims)('a claim of $name', ({ make }) => {
  test('is settled by the primary’s answer, is not waited for, and is told to nobody', async () => {
    const begun = performance.now()
    const { rows } = await within(4_000, 'the read', read(make()))
    expect(rows).toEqual([{ n: 3 }])
    // Connecting to the primary, once, and a trip or two.
    expect(performance.now() - begun).toBeLessThan(1_500)
    expect(lost).toBe(0)
  })

  test('three hundred of them share what they ask, and honest writes do not wait', async () => {
    await pool.query('update hits set n = n + 1')
    const forged = Array.from({ length: 300 }, () => read(make()))
    const took: number[] = []
    for (let i = 0; i < 5; i++) {
      const begun = performance.now()
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await pool.query('update hits set n = n + 1')
      took.push(performance.now() - begun)
    }
    const served = await within(5_000, 'the reads', Promise.all(forged))
    expect(Math.max(...took)).toBeLessThan(6 * RTT_MS)
    expect(served.filter(({ servedBy }) => servedBy.server === 'nrt').length).toBeLessThan(60)
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
