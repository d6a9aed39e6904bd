import { getEventListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'

/** A signal that lives as long as the process, given to every query: each must let go of it again. */
let world: World
let pool: NearestPool
const warnings: Error[] = []
const onWarning = (warning: Error): void => void warnings.push(warning)
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 4 })
  await ask(world.url('nrt'), 'create table marks (n int not null); insert into marks values (0)')
  pool = createPool(world.poolOptions('ord'))
  await caughtUp(world, pool)
})
afterAll(async () => {
  await pool?.destroy()
  await world?.stop()
})
beforeEach(() => {
  warnings.length = 0
  process.on('warning', onWarning)
})
afterEach(() => {
  process.removeListener('warning', onWarning)
})

/** Signals that depend on this one, as `AbortSignal.any` makes them: Node keeps an entry for each. */
function dependants(signal: AbortSignal): number {
  const symbol = Object.getOwnPropertySymbols(signal).find(({ description }) => description === 'kDependantSignals')
  if (symbol === undefined) return 0
  const kept = (signal as unknown as Record<symbol, Set<unknown> | undefined>)[symbol]
  return kept?.size ?? 0
}

function heldBy(signal: AbortSignal): { listeners: number; dependants: number } {
  return { listeners: getEventListeners(signal, 'abort').length, dependants: dependants(signal) }
}
const NOTHING = { listeners: 0, dependants: 0 }

async function inBatches(all: number, at: number, work: (i: number) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < all; i += at) await Promise.all(Array.from({ length: at }, (_, j) => work(i + j)))
}

const USES: readonly { name: string; times: number; use: (signal: AbortSignal, i: number) => Promise<unknown> }[] = [
  {
    name: 'queries with timeoutMs',
    times: 2_000,
    use: (signal) => pool.query({ text: 'select 1', signal, timeoutMs: 10_000 }),
  },
  { name: 'queries', times: 500, use: (signal) => pool.query({ text: 'select 1', signal }) },
  {
    name: 'queries that fail, with timeoutMs',
    times: 200,
    use: (signal) => pool.query({ text: 'select 1/0', signal, timeoutMs: 10_000 }).catch(() => undefined),
  },
  {
    name: 'queries whose timeoutMs passes',
    times: 50,
    use: (signal) => pool.query({ text: 'select pg_sleep(1)', signal, timeoutMs: 20 }).catch(() => undefined),
  },
  {
    name: 'transactions with timeoutMs',
    times: 100,
    use: (signal) => pool.transaction({ signal, timeoutMs: 10_000 }, (tx) => tx.query('select 1')),
  },
  {
    name: 'transactions with timeoutMs whose statements have a signal, and maybe no time to get their turn',
    times: 100,
    // Without one of its statements it is rolled back.
    use: (signal, i) =>
      pool
        .transaction({ timeoutMs: 10_000 }, (tx) =>
          Promise.allSettled([
            tx.query({ text: 'select 1', signal }),
            tx.query({ text: 'select pg_sleep(0.01)', signal }),
            tx.query({ text: 'select 2', signal, timeoutMs: i % 2 === 0 ? 5 : 10_000 }),
          ]),
        )
        .catch((error: unknown) => expect(error).toMatchObject({ code: 'NEAREST_ROLLED_BACK' })),
  },
  {
    name: 'queries with timeoutMs on borrowed clients',
    times: 200,
    use: async (signal) => {
      const client = await pool.connect()
      try {
        await client.query({ text: 'select 1', signal, timeoutMs: 10_000 })
        await client.query({ text: 'select 1', signal })
      } finally {
        client.release()
      }
    },
  },
]

describe('a signal that outlives them holds nothing of', () => {
  test.each(USES)('$times $name', async ({ times, use }) => {
    const { signal } = new AbortController()
    await settled(
      inBatches(times, 50, (i) => use(signal, i)),
      'all of them',
      20_000,
    )
    await sleep(0)
    expect(heldBy(signal)).toEqual(NOTHING)
    expect(warnings).toEqual([])
  })

  test('hedged reads', async () => {
    await using hedging = createPool({ ...world.poolOptions('ord'), hedge: { percentile: 0.1, budget: 1 } })
    await hedging.refresh()
    const { signal } = new AbortController()
    await settled(
      inBatches(400, 20, () => hedging.query({ text: 'select 1', signal })),
      'all of them',
      20_000,
    )
    await sleep(0)
    expect(heldBy(signal)).toEqual(NOTHING)
    expect(warnings).toEqual([])
  })
})

test('50 queries at once are all aborted by one signal, each with its reason', async () => {
  const controller = new AbortController()
  const { signal } = controller
  const reason = new Error('the server stops')
  const reads = Array.from({ length: 50 }, (_, i) =>
    rejectionOf(
      pool.query({ text: 'select pg_sleep(5)', signal, ...(i % 2 === 0 ? { timeoutMs: 8_000 } : {}) }),
      'a read',
    ),
  )
  await sleep(100)
  controller.abort(reason)
  expect(new Set(await Promise.all(reads))).toEqual(new Set([reason]))
  await sleep(0)
  expect(heldBy(signal)).toEqual(NOTHING)
  expect(warnings).toEqual([])
  expect((await settled(pool.query('select 1 as one'), 'the next read')).rows).toEqual([{ one: 1 }])
})
