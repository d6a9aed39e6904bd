import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { BatchStatement, NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { CancelWatch } from './cancel-watch.ts'
import { administer, ask, until, withUsers } from './fixtures.ts'
import { errorOf, running, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** Statements that were sent at once are cancelled together: none of them goes on, their connection lives, and nobody else's is hit. */
const BOUND_MS = 8_000
const REASON = 'enough'

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
})
afterAll(() => world.stop())
afterEach(() => pools.destroyAll())

const start = (options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> =>
  pools.start({ ...world.poolOptions('ord'), max: 1, ...options })

let tests = 0
/** What takes long, under a name of its own in each test. */
function slowly(ending = ''): { readonly name: string; readonly at: (i: number) => string } {
  const name = `select 'slow ${tests++}`
  return { name, at: (i) => `${name}.${i}', pg_sleep(20) ${ending}` }
}

/** Nobody but the superuser sees what others run. */
async function runningOf(name: string): Promise<unknown[]> {
  const like = `${name.replaceAll("'", "''")}%`
  const text = `select query from pg_stat_activity where state = 'active' and query like '${like}'`
  return (await Promise.all(['nrt', 'ord'].map((region) => administer(world, region, text)))).flat()
}

/** Gives the work a signal, which is aborted when something of that name runs in the region. */
async function abortedIn(region: string, name: string, work: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const stop = new AbortController()
  const ended = work(stop.signal)
  await running(world.url(region), name)
  stop.abort(new Error(REASON))
  await settled(ended, 'what was aborted', BOUND_MS)
}

async function expectQuiet(pool: NearestPool, name: string): Promise<void> {
  await until(() => pool.totalCount === pool.idleCount, 'its connections to be given back')
  expect(await runningOf(name)).toEqual([])
}

const QUICK: readonly string[] = Array.from({ length: 50 }, () => 'select 1')
const SHAPES: readonly [string, string, string, Partial<NearestPoolOptions>, readonly string[]][] = [
  ['that reads', 'ord', '', {}, []],
  ['that may write', 'nrt', 'for update', {}, []],
  ['with what is quick in between', 'nrt', 'for update', {}, QUICK],
  ['of which one is sent at a time', 'nrt', 'for update', { pipeline: false }, []],
]

test.each(SHAPES)('a batch %s', async (_what, region, ending, options, between) => {
  const pool = await start(options)
  await pool.batch(['select 1', 'select 1 for update'])
  let closed = 0
  pool.on('remove', () => closed++)
  const { name, at } = slowly(ending)
  const statements: readonly BatchStatement[] = [1, 2, 3].flatMap((i) => between.concat(at(i)))
  await abortedIn(region, name, async (signal) => {
    const ends = await pool.batch(statements, { signal })
    const slow = ends.filter((_, i) => i % (between.length + 1) === between.length)
    expect(slow).toMatchObject([1, 2, 3].map(() => ({ status: 'rejected', reason: { message: REASON } })))
  })
  await expectQuiet(pool, name)
  expect(closed, 'connections that were closed').toBe(0)
})

test('a transaction whose first statement outlives its cancellation', async () => {
  const pool = await start()
  const { name, at } = slowly()
  const first = `${name}', outlives()`
  await ask(
    world.url('nrt'),
    `create function outlives() returns void language plpgsql as
     'begin perform pg_sleep(20); exception when query_canceled then null; end'`,
  )
  await abortedIn('nrt', name, async (signal) => {
    const work = pool.transaction({ signal }, async (tx) => {
      await tx.query('select 1')
      await Promise.all([first, at(2), at(3)].map((text) => tx.query(text)))
    })
    expect(await errorOf(BOUND_MS, 'it', work)).toMatchObject({ message: REASON })
  })
  await expectQuiet(pool, name)
})

test('what is quick is not asked to end, and what comes behind it is not hit', async () => {
  const cancels = new CancelWatch()
  const pool = await start({ stream: cancels.stream })
  const { name, at } = slowly('for update')
  for (let i = 0; i < 10; i++) {
    const aborted = abortedIn('nrt', name, (signal) => pool.batch([at(i), ...QUICK, ...QUICK, ...QUICK], { signal }))
    await aborted
    const next = [
      pool.primary.query("select 'next', pg_sleep(0.05)"),
      pool.primary.query("select 'behind', pg_sleep(0.01)"),
    ]
    expect(await settled(Promise.all(next), 'what comes behind it', BOUND_MS)).toHaveLength(2)
  }
  // One each, and a few more on a busy machine.
  expect(cancels.count).toBeGreaterThanOrEqual(10)
  expect(cancels.count).toBeLessThan(100)
})
