import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, type NearestPool, type ObservedEvent, type QueryEvent } from '../../src/index.ts'
import { until, withUsers } from '../postgres/fixtures.ts'

/** In each of the two modes. The whole search: OBSERVE_SECONDS=120. */
const MS = 1_000 * Number(process.env['OBSERVE_SECONDS'] ?? 15)

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 100 })
  await withUsers(world)
})
afterAll(() => world.stop())

interface Measured {
  reads: number
  onReplicas: number
  /** Milliseconds that the reads took, all together. */
  readMs: number
}

const isRead = (text: string): boolean => text.startsWith('select')

/** Users of whom each reads a few times, some after a write, and some in a transaction. */
async function mixedLoad(pool: NearestPool): Promise<Measured> {
  const measured: Measured = { reads: 0, onReplicas: 0, readMs: 0 }
  const listen = ({ servedBy, durationMs, text }: QueryEvent): void => {
    if (!isRead(text)) return
    measured.reads++
    measured.readMs += durationMs
    if (servedBy?.role === 'replica') measured.onReplicas++
  }
  pool.on('query', listen)
  const end = performance.now() + MS
  const users = Array.from({ length: 8 }, async (_, user) => {
    for (let i = user; performance.now() < end; i++) {
      await pool.session(undefined, async () => {
        if (i % 3 === 0) await pool.query('insert into hits values ($1)', [i])
        await pool.query('select count(*) from hits')
        await sleep(10)
        await pool.query('select name from users where id = $1', [1])
        await pool.transaction({ readOnly: true }, async (tx) => {
          await tx.query('select 1')
          await tx.query('select 2')
        })
      })
    }
  })
  await Promise.all(users)
  pool.off('query', listen)
  return measured
}

test('what observe forecasts is within 10 % of what then happens in normal', async () => {
  const pool = createPool({ ...world.poolOptions('ord'), mode: 'observe' })
  const forecast: Measured & { savedMs: number } = { reads: 0, onReplicas: 0, readMs: 0, savedMs: 0 }
  pool.on('observed', ({ text, server, tookMs, savedMs }: ObservedEvent) => {
    if (!isRead(text)) return
    forecast.reads++
    forecast.readMs += tookMs
    forecast.savedMs += savedMs
    if (server !== world.primary) forecast.onReplicas++
  })
  try {
    await pool.refresh()
    const observed = await mixedLoad(pool)
    await until(() => forecast.reads === observed.reads, 'every proof')
    expect(observed.onReplicas).toBe(0)
    pool.mode = 'normal'
    const real = await mixedLoad(pool)
    const local = { forecast: forecast.onReplicas / forecast.reads, real: real.onReplicas / real.reads }
    expect(Math.abs(local.forecast / local.real - 1)).toBeLessThan(0.1)
    const saved = {
      forecast: forecast.savedMs / forecast.reads,
      real: observed.readMs / observed.reads - real.readMs / real.reads,
    }
    expect(Math.abs(saved.forecast / saved.real - 1)).toBeLessThan(0.1)
  } finally {
    await pool.end()
  }
}, 400_000)
