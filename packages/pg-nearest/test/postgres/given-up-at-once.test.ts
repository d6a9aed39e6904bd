import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type Transaction } from '../../src/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'

/** A round trip to each of the servers. */
const RTT_MS = 200
let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'], rtt: RTT_MS })
  const replicas = { ord: world.url('ord', { from: 'ams' }) }
  pool = createPool({ ...world.poolOptions('ams'), replicas, application_name: 'given up' })
  await caughtUp(world, pool)
})
afterAll(async () => {
  await pool?.destroy()
  await world?.stop()
})

const SLEEPS = 'select pg_sleep(5)'
const WORK: readonly { when: string; afterMs: number; work: (transaction: Transaction) => unknown }[] = [
  { when: 'while it begins', afterMs: 100, work: ({ query }) => query('select 1') },
  { when: 'in a statement', afterMs: 700, work: ({ query }) => query(SLEEPS) },
  { when: 'behind its function', afterMs: 700, work: ({ query }) => void query(SLEEPS) },
  { when: 'with its last statement', afterMs: 700, work: ({ commitWith }) => commitWith(SLEEPS) },
]

/** What it has rejected with before anything else could come, when this is called at once behind an abort. */
async function rejectedAtOnce(given: Promise<unknown>): Promise<unknown> {
  const late = new Promise((resolve) => setImmediate(resolve, 'not yet'))
  return Promise.race([given.catch((error: unknown) => error), late])
}

describe.each([
  { where: 'on a replica', isolationLevel: undefined },
  { where: 'on the primary', isolationLevel: 'serializable' },
] as const)('a read-only transaction $where that is given up', ({ isolationLevel }) => {
  test.each(WORK)('$when rejects at once, and leaves nothing', async ({ afterMs, work }) => {
    const controller = new AbortController()
    const reason = new Error('given up')
    const options = { readOnly: true, isolationLevel, signal: controller.signal } as const
    const given = pool.transaction(options, async (transaction) => {
      await work(transaction)
    })
    await sleep(afterMs)
    controller.abort(reason)
    expect(await rejectedAtOnce(given)).toBe(reason)
    await until(async () => {
      const open = "select 1 from pg_stat_activity where application_name = 'given up' and xact_start is not null"
      return [...(await ask(world.url('ord'), open)), ...(await ask(world.url('nrt'), open))].length === 0
    }, 'nothing of it')
    expect(pool.waitingCount).toBe(0)
  })

  test('while it is undone since its function has failed rejects at once, with that error', async () => {
    const controller = new AbortController()
    const own = new Error('its own')
    let hasFailed = false
    const given = pool.transaction({ readOnly: true, isolationLevel, signal: controller.signal }, async ({ query }) => {
      await query('select 1')
      void query(SLEEPS)
      hasFailed = true
      throw own
    })
    await until(() => hasFailed, 'its function to fail')
    await sleep(RTT_MS)
    controller.abort()
    expect(await rejectedAtOnce(given)).toBe(own)
  })
})
