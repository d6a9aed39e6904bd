import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, Transaction } from '../../src/index.ts'
import { ask, until, withUsers } from './fixtures.ts'
import { errorOf, within } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** What a transaction may take holds for each of its statements, whatever limits these have of their own. */
const SOON_MS = 2_500

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
})
afterAll(() => world.stop())
afterEach(() => pools.destroyAll())

async function poolIn(region: string, options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const pool = await pools.start({ ...world.poolOptions(region), ...options })
  await pool.query('select 1')
  return pool
}

const OWN: readonly { own: string; limits: () => object }[] = [
  { own: 'timeoutMs', limits: () => ({ timeoutMs: 20_000 }) },
  { own: 'a signal', limits: () => ({ signal: new AbortController().signal }) },
  {
    own: 'a signal and timeoutMs',
    limits: () => ({ signal: new AbortController().signal, timeoutMs: 20_000 }),
  },
  { own: 'query_timeout', limits: () => ({ query_timeout: 20_000 }) },
]
/** Long enough for a statement to come to its turn behind another, also on a busy machine. */
const LIMIT_MS = 1_000

const WHOLE: readonly { whole: string; options: () => object; error: object }[] = [
  { whole: 'timeoutMs', options: () => ({ timeoutMs: LIMIT_MS }), error: { code: 'NEAREST_TIMEOUT' } },
  {
    whole: 'its signal',
    options: () => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(new Error('the visitor left')), LIMIT_MS)
      return { signal: controller.signal }
    },
    error: { message: 'the visitor left' },
  },
]
const PLACES: readonly { place: string; readOnly: boolean; ahead: readonly string[] }[] = [
  { place: 'the first statement', readOnly: false, ahead: [] },
  { place: 'a later statement', readOnly: false, ahead: ['select 1'] },
  { place: 'the first statement of one that only reads', readOnly: true, ahead: [] },
  { place: 'a later statement of one that only reads', readOnly: true, ahead: ['select 1'] },
]

const SLEEP = 'select pg_sleep(5)'
const RUNS = `select 1 from pg_stat_activity where query like '%pg_sleep(5)%' and state <> 'idle' and pid <> pg_backend_pid()`

describe.each(WHOLE)('$whole of a transaction', ({ options, error }) => {
  test.each(PLACES.flatMap((place) => OWN.map((own) => ({ ...place, ...own }))))(
    'cancels $place, which has $own of its own',
    async ({ readOnly, ahead, limits }) => {
      const pool = await poolIn('ord', { max: 1 })
      let ran: Promise<unknown> | undefined
      const work = async (tx: Transaction): Promise<void> => {
        for (const text of ahead) await tx.query(text)
        ran = errorOf(SOON_MS, 'the statement', tx.query({ text: SLEEP, ...limits() }))
        await ran
      }
      const transaction = pool.transaction({ ...options(), readOnly }, work)
      expect(await errorOf(SOON_MS, 'the transaction', transaction)).toMatchObject(error)
      expect(await ran).toMatchObject(error)
      await until(
        async () => (await Promise.all(['nrt', 'ord'].map((each) => ask(world.url(each), RUNS)))).flat().length === 0,
        'the server to have cancelled it',
        SOON_MS,
      )
      const next = readOnly ? pool.query('select 1 as n') : pool.primary.query('select 1 as n')
      expect((await within(SOON_MS, 'the next one', next)).rows).toEqual([{ n: 1 }])
    },
  )

  test.each([true, false])('ends the wait of a statement for a connection, readOnly: %s', async (readOnly) => {
    const pool = await poolIn('ord', { max: 1 })
    const holders = await Promise.all([pool.connect(), pool.connect()])
    await Promise.all([holders[0].query('begin read only'), holders[1].query('begin')])
    await Promise.all(holders.map((each) => each.query('select 1')))
    const transaction = pool.transaction({ ...options(), readOnly }, (tx) =>
      tx.query({ text: 'select 1', timeoutMs: 20_000 }),
    )
    expect(await errorOf(SOON_MS, 'the transaction', transaction)).toMatchObject(error)
    for (const holder of holders) holder.release(true)
  })

  test('ends what waits for its turn behind what it cancels', async () => {
    const pool = await poolIn('ord')
    const errors: Promise<unknown>[] = []
    const transaction = pool.transaction(options(), async (tx) => {
      for (const { limits } of OWN) errors.push(errorOf(SOON_MS, 'each', tx.query({ text: SLEEP, ...limits() })))
      await Promise.all(errors)
    })
    expect(await errorOf(SOON_MS, 'the transaction', transaction)).toMatchObject(error)
    expect(await Promise.all(errors)).toMatchObject(OWN.map(() => error))
  })
})

test('its own limit ends the wait of the first statement for a connection, too', async () => {
  const pool = await poolIn('ord', { max: 1 })
  const holder = await pool.connect()
  await holder.query('begin')
  await holder.query('select 1')
  const transaction = pool.transaction({ timeoutMs: 10_000 }, (tx) => tx.query({ text: 'select 1', timeoutMs: 300 }))
  expect(await errorOf(SOON_MS, 'it', transaction)).toMatchObject({ code: 'NEAREST_TIMEOUT' })
  holder.release(true)
})
