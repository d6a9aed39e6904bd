import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isNearestError, type NearestPool, type NearestPoolOptions } from '../../src/index.ts'
import { withUsers } from './fixtures.ts'
import { collectUncaught, errorOf, tally, within } from './settling.ts'
import { TestPools } from './test-pools.ts'
import { createWritten, write, writesAgain } from './written-table.ts'

/** What a write in flight on a silent server is given, and a little. */
const END_MS = 10_000
const INSERT = "insert into written values ('in it')"

interface Begun {
  /** What ran when the pool was ended. */
  readonly statement: Promise<unknown>
  /** The milliseconds that `end()` took. */
  readonly end: Promise<number>
}

let world: World
const begun = new Map<string, Begun>()
const pools = new TestPools()
const uncaught = collectUncaught()

function appIn(region: string, options: Partial<NearestPoolOptions> = {}): NearestPool {
  const pool = pools.create({ ...world.poolOptions(region), ...options })
  pool.on('error', () => undefined)
  return pool
}

async function warmIn(region: string, options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const pool = await pools.start({ ...world.poolOptions(region), ...options })
  await write(pool, 'warm')
  return pool
}

/** Nothing of a transaction lasts before its COMMIT, so that it waits for another primary when it was cut. */
const SHORT_FAILOVER = { failoverTimeoutMs: 2_000 }

/** Ends the pool with the statement on its way. */
function begin(name: string, pool: NearestPool, statement: Promise<unknown>): void {
  const from = performance.now()
  const end = pool.end().then(() => performance.now() - from)
  begun.set(name, { statement, end })
  for (const each of [statement, end]) each.catch(() => undefined)
}

// One silence for all of them, because each takes its time.
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  await createWritten(world)
  const [writer, borrowed, strong, transaction, narrow] = await Promise.all([
    warmIn('ord'),
    warmIn('ord'),
    warmIn('ord'),
    warmIn('ord', SHORT_FAILOVER),
    warmIn('ord', { max: 1 }),
  ])
  const client = await borrowed.connect()
  await client.query('begin')
  await client.query(INSERT)
  world.partition('nrt', 'ord')
  begin('a write', writer, write(writer, 'on its way'))
  begin(
    'a borrowed transaction',
    borrowed,
    client.query(INSERT).finally(() => client.release()),
  )
  begin('a strong read', strong, strong.query({ text: 'select 1', consistency: 'strong' }))
  begin(
    'a transaction()',
    transaction,
    transaction.transaction((tx) => tx.query(INSERT)),
  )
  begin('a write that waits for a connection', narrow, Promise.all([write(narrow, 'first'), write(narrow, 'second')]))
  const cold = appIn('ord', { connectTimeoutMs: 2_000 })
  begin('a first connection', cold, write(cold, 'cold'))
})
afterAll(async () => {
  world.heal('nrt', 'ord')
  await pools.destroyAll()
  uncaught.stop()
  await world.stop()
})

describe('end() on a silent primary', () => {
  test.each([
    'a write',
    'a borrowed transaction',
    'a strong read',
    'a transaction()',
    'a write that waits for a connection',
    'a first connection',
  ])('with %s: both end', async (name) => {
    const { statement, end } = begun.get(name) as Begun
    const [error, endMs] = await Promise.all([errorOf(END_MS, name, statement), within(END_MS + 2_000, 'end()', end)])
    if (!isNearestError(error) && !(name === 'a strong read' && error === undefined))
      throw new Error('no clear error', { cause: error })
    expect(endMs).toBeLessThan(END_MS)
  })
})

test('destroy() with writes on their way and waiting on a silent primary: all end at once', async () => {
  world.heal('nrt', 'ord')
  const pool = await warmIn('ord', { max: 2 })
  world.partition('nrt', 'ord')
  const writes = Promise.allSettled(Array.from({ length: 20 }, (_, i) => write(pool, `destroyed ${i}`)))
  await sleep(50)
  await within(3_000, 'destroy()', pool.destroy())
  expect(tally(await within(3_000, 'the writes', writes))).not.toHaveProperty('fulfilled')
  expect(pool.waitingCount).toBe(0)
})

test('when it is back nothing is uncaught, and a new pool works', async () => {
  world.heal('nrt', 'ord')
  const pool = appIn('ord')
  await writesAgain(pool)
  await within(5_000, 'end()', pool.end())
  expect(uncaught.errors).toEqual([])
})
