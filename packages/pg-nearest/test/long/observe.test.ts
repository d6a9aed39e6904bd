import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPool, type NearestPool, type ObservedEvent, type QueryEvent } from '../../src/index.ts'
import { until, withUsers } from '../postgres/fixtures.ts'

/** In each of the two modes. The whole search: OBSERVE_SECONDS=120. */
const MS = 1_000 * Number(process.env['OBSERVE_SECONDS'] ?? 15)

/** By turns, so that a machine that becomes slower, or busier, does so for both modes. */
const TURNS = 3

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 200 })
  await withUsers(world)
})
afterAll(() => world.stop())

interface Measured {
  rounds: number
  reads: number
  onReplicas: number
  /** Milliseconds that the reads took, all together. */
  readMs: number
}

const isRead = (text: string): boolean => text.startsWith('select')

/** Users of whom each reads a few times, some after a write, and some in a transaction: added to what was `measured` before. */
async function mixedLoad(pool: NearestPool, measured: Measured): Promise<void> {
  const listen = ({ servedBy, durationMs, text }: QueryEvent): void => {
    if (!isRead(text)) return
    measured.reads++
    measured.readMs += durationMs
    if (servedBy?.role === 'replica') measured.onReplicas++
  }
  pool.on('query', listen)
  const end = performance.now() + MS / TURNS
  const users = Array.from({ length: 4 }, async () => {
    while (performance.now() < end) {
      const i = measured.rounds++
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
}

test('what observe forecasts is within 10 % of what then happens in normal', async () => {
  const pool = createPool({ ...world.poolOptions('ord'), mode: 'observe' })
  const forecast = { reads: 0, onReplicas: 0, savedMs: 0 }
  const observed: Measured = { rounds: 0, reads: 0, onReplicas: 0, readMs: 0 }
  const real: Measured = { rounds: 0, reads: 0, onReplicas: 0, readMs: 0 }
  pool.on('observed', ({ text, server, savedMs }: ObservedEvent) => {
    if (!isRead(text)) return
    forecast.reads++
    forecast.savedMs += savedMs
    if (server !== world.primary) forecast.onReplicas++
  })
  try {
    await pool.refresh()
    for (let turn = 0; turn < TURNS; turn++) {
      pool.mode = 'observe'
      await mixedLoad(pool, observed)
      await until(() => forecast.reads === observed.reads, 'every proof')
      pool.mode = 'normal'
      await mixedLoad(pool, real)
    }
    expect(observed.onReplicas).toBe(0)
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
