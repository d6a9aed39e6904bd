import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, isNoServerError } from '../../src/index.ts'
import { healthOf, until, withUsers } from './fixtures.ts'

const SERVERS = ['nrt', 'ord', 'syd'] as const
const FAILOVER_MS = 700

let world: World
beforeAll(async () => {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'syd'],
    rtt: { 'nrt-ord': 30, 'nrt-syd': 30, 'ord-syd': 30 },
  })
  await withUsers(world)
})
afterAll(() => world.stop())

const subsets = Array.from({ length: 2 ** SERVERS.length }, (_, bits) =>
  SERVERS.filter((_server, i) => (bits >> i) & 1),
)

describe.each(subsets.map((down) => ({ down, name: down.join(' and ') || 'nobody' })))(
  'down at the start: $name',
  ({ down }) => {
    test('the pool is made, what can be answered is, the rest is a clear error in time, and all comes back', async () => {
      await Promise.all(down.map((region) => world.kill(region)))
      const pool = createPool({ ...world.poolOptions('ord'), failoverTimeoutMs: FAILOVER_MS })
      pool.on('error', () => undefined)
      try {
        const read = await pool.query('select count(*)::int as n from users').catch((error: unknown) => error)
        const write = "update hits set n = n + 1 returning 'written' as was"
        const started = performance.now()
        const written = await pool.query(write).catch((error: unknown) => error)
        const tookMs = performance.now() - started
        if (down.length < SERVERS.length) expect(read).toMatchObject({ rows: [{ n: 3 }] })
        else expect(isNoServerError(read)).toBe(true)
        if (!down.includes('nrt')) expect(written).toMatchObject({ rows: [{ was: 'written' }] })
        else {
          expect(isNoServerError(written)).toBe(true)
          expect(String(written)).toMatch(/nrt (refused|closed) the connection/)
          expect(tookMs).toBeLessThan(FAILOVER_MS + 1_000)
        }
        // The primary first: who follows it waits for it.
        if (down.includes('nrt')) await world.start('nrt')
        await Promise.all(down.map((region) => world.start(region)))
        await until(() => SERVERS.every((name) => healthOf(pool.status(), name) === 'up'), 'all to be back')
        expect((await pool.query(write)).servedBy).toMatchObject({ server: 'nrt', role: 'primary' })
        await until(async () => (await pool.query('select 1')).servedBy.server === 'ord', 'reads from ord')
      } finally {
        await pool.destroy()
      }
    })
  },
)
