import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, type QueryEvent } from '../../src/index.ts'
import { ask, caughtUp, scansOf, until, withUsers } from './fixtures.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'] })
  await withUsers(world)
})
afterAll(() => world.stop())

describe('a read in a region with a replica', () => {
  test('ran on that replica, and on no other server: by the servers’ own counters', async () => {
    const before = await scansEverywhere()
    const pool = createPool(world.poolOptions('ord'))
    const reads = 100
    await Promise.all(Array.from({ length: reads }, () => pool.query('select name from users')))
    const client = await pool.connect()
    await client.query('select name from users')
    client.release()
    await pool.transaction({ readOnly: true }, (tx) => tx.query('select name from users'))
    await pool.replica().query('select name from users')
    await pool.end()
    await until(async () => (await scansOf(world.url('ord'), 'users')) - before.ord >= reads + 3, 'the counters')
    const after = await scansEverywhere()
    expect({ nrt: after.nrt - before.nrt, ord: after.ord - before.ord, syd: after.syd - before.syd }).toEqual({
      nrt: 0,
      ord: reads + 3,
      syd: 0,
    })
  })

  test('says so on the result, in the event and in the status', async () => {
    await using pool = createPool(world.poolOptions('ord'))
    const events: QueryEvent[] = []
    pool.on('query', (event) => events.push(event))
    const { servedBy } = await pool.query('select name from users')
    expect(servedBy).toEqual({ server: 'ord', region: 'ord', role: 'replica', reason: 'own-region', attempts: 1 })
    const event = { text: 'select name from users', servedBy, durationMs: expect.any(Number), mode: 'normal' }
    expect(events).toEqual([event])
    const { servers } = await pool.refresh()
    expect(servers.map(({ name, readFrom }) => [name, readFrom])).toEqual([
      ['nrt', false],
      ['ord', true],
      ['syd', false],
    ])
  })

  test('a region without one reads from the nearest, once the distances are known', async () => {
    const { primary, replicas } = world.poolOptions('ord')
    const away = { ...world.poolOptions('nrt'), region: 'fra', primary, replicas }
    await using pool = createPool(away)
    await pool.refresh()
    const { servedBy } = await pool.query('select 1')
    expect(servedBy).toMatchObject({ server: 'ord', reason: 'nearest' })
  })

  async function scansEverywhere(): Promise<{ nrt: number; ord: number; syd: number }> {
    const [nrt = 0, ord = 0, syd = 0] = await Promise.all(
      ['nrt', 'ord', 'syd'].map((region) => scansOf(world.url(region), 'users')),
    )
    return { nrt, ord, syd }
  }
})

describe('a text that only the standby’s refusal shows to be a write', () => {
  test('costs its wasted trip once, and gives the primary’s result each time', async () => {
    await ask(world.url('nrt'), 'update hits set n = 0')
    await caughtUp(world)
    await using pool = createPool(world.poolOptions('ord'))
    const first = await pool.query('select hit()')
    expect(first.rows).toEqual([{ hit: 1 }])
    expect(first.servedBy).toEqual({
      server: 'nrt',
      region: 'nrt',
      role: 'primary',
      reason: 'retry',
      attempts: 2,
      failed: [{ server: 'ord', error: expect.objectContaining({ code: '25006' }) }],
    })
    for (const n of [2, 3, 4]) {
      const later = await pool.query('select hit()')
      expect(later.rows).toEqual([{ hit: n }])
      expect(later.servedBy).toMatchObject({ server: 'nrt', reason: 'learned-write', attempts: 1 })
    }
    expect(await ask(world.url('nrt'), 'select n from hits')).toEqual([{ n: 4 }])
  })

  test('another text learns for itself', async () => {
    await using pool = createPool(world.poolOptions('ord'))
    await pool.query('select hit()')
    await caughtUp(world, pool)
    const { servedBy } = await pool.query('select hit() as h')
    expect(servedBy.attempts).toBe(2)
  })
})

test('a table that the replica does not have yet is asked for on the primary', async () => {
  await using pool = createPool(world.poolOptions('ord'))
  await world.pauseReplay('ord')
  try {
    await pool.query('create table fresh (a int)')
    const { servedBy } = await pool.query('select * from fresh')
    // The replica is asked first, unless a probe has told by now that it is behind.
    expect(servedBy).toMatchObject({ server: 'nrt', attempts: expect.toBeOneOf([1, 2]) as number })
  } finally {
    await world.resumeReplay('ord')
  }
  await caughtUp(world, pool)
  const { servedBy } = await pool.query('select * from fresh')
  expect(servedBy, 'the delay was no write: nothing was learned').toMatchObject({ server: 'ord', attempts: 1 })
})

test('route: "primary" and pool.primary run anything on the primary', async () => {
  await using pool = createPool(world.poolOptions('ord'))
  const asked = { server: 'nrt', role: 'primary', reason: 'asked', attempts: 1 }
  const routed = await pool.query({ text: 'select name from users', route: 'primary' })
  expect(routed.servedBy).toMatchObject(asked)
  const direct = await pool.primary.query('select name from users')
  expect(direct.servedBy).toMatchObject(asked)
})

describe('what a server would answer about itself', () => {
  test('is answered by the primary, and says why', async () => {
    await using pool = createPool(world.poolOptions('ord'))
    const { rows, servedBy } = await pool.query('select pg_is_in_recovery() as standby')
    expect(rows).toEqual([{ standby: false }])
    expect(servedBy).toMatchObject({ server: 'nrt', reason: 'server-bound', attempts: 1 })
  })

  test('is asked of each server by queryEach, which hides none because of another, and writes nowhere', async () => {
    await using pool = createPool(world.poolOptions('ord'))
    const before = await pool.queryEach('select pg_is_in_recovery() as standby')
    expect(before).toEqual([
      { server: 'nrt', region: 'nrt', role: 'primary', rows: [{ standby: false }] },
      { server: 'ord', region: 'ord', role: 'replica', rows: [{ standby: true }] },
      { server: 'syd', region: 'syd', role: 'replica', rows: [{ standby: true }] },
    ])
    const shared = { text: 'select pg_is_in_recovery() as standby', route: 'primary' } as const
    expect(await pool.queryEach(shared), 'whatever else it is used for').toMatchObject(before)
    const written = await pool.queryEach('update hits set n = n + $1', [1])
    expect(written.map(({ rows, error }) => [rows, (error as { code?: string }).code])).toEqual(
      [0, 1, 2].map(() => [undefined, 'NEAREST_READ_ONLY_HANDLE']),
    )
    await world.kill('syd')
    try {
      const [nrt, ord, syd] = await pool.queryEach('select 1 as one')
      expect([nrt?.rows, ord?.rows, syd?.rows]).toEqual([[{ one: 1 }], [{ one: 1 }], undefined])
      expect(syd).toMatchObject({ role: 'unknown', error: { code: 'NEAREST_NO_SERVER' } })
    } finally {
      await world.start('syd')
    }
  })
})
