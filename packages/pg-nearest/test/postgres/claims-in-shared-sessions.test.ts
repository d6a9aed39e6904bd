import { startWorld, type World } from 'pg-nearest-world'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { formatBookmark, formatUnknownFrom } from '../../src/session/bookmark-text.ts'
import { ask, caughtUp, until, withUsers } from './fixtures.ts'
import { within } from './settling.ts'
import { TestPools } from './test-pools.ts'
import { promoteUnheard, storeInMemory, untilWriter } from './unheard-promotion.ts'

/** A client’s bookmark that nobody has signed, in a session within which others are shared. */

const FAR = 0xff00_0000_0000n

let world: World
let system: string
const pools = new TestPools()
beforeEach(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  const [row] = await ask<{ system: string }>(
    world.url('nrt'),
    'select system_identifier::text as system from pg_control_system()',
  )
  system = row?.system ?? ''
})
afterEach(async () => {
  await pools.destroyAll()
  await world.stop()
})

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code
const unknownFrom = (timeline: number): string => formatUnknownFrom({ systemIdentifier: system, timeline })
const farOn = (timeline: number): string => formatBookmark({ systemIdentifier: system, timeline, lsn: FAR })

test.each([
  ['', (_pool: NearestPool, read: () => Promise<number>) => read()],
  [
    ', nor within one of another key',
    (pool: NearestPool, read: () => Promise<number>) => pool.sharedSession('others', read),
  ],
])('takes nothing from what was saved on a timeline of which this process has not heard%s', async (_, run) => {
  const here = await promoteUnheard(world, pools)

  const text = "select count(*)::int as n from users where name = 'Promoted'"
  const read = async (): Promise<number> => (await here.query<{ n: number }>(text)).rows[0]?.n ?? -1
  const shown = (bookmark: string): Promise<unknown> =>
    here.session({ bookmark, trusted: false }, () => here.sharedSession('team', () => run(here, read))).catch(codeOf)
  const foreign = formatBookmark({ systemIdentifier: '42', timeline: 9, lsn: 1n })
  const brought = [unknownFrom(2), unknownFrom(9), farOn(2), farOn(9), farOn(1), foreign, 'garbage']
  const all = () => within(15_000, 'the reads', Promise.all(brought.map(shown)))
  expect(await all()).toEqual(brought.map(() => 'NEAREST_NO_SERVER'))
  world.heal('nrt', 'ord')
  await untilWriter(here, 'ord')
  expect(await all()).toEqual(brought.map(() => 1))
})

test.each([
  ['a far position', () => farOn(1)],
  ['a later timeline', () => farOn(99)],
])('%s that the primary has refuted does not come back, and is told to nobody', async (_, make) => {
  const pool = await pools.start({ ...world.poolOptions('ord'), bookmarkStore: storeInMemory() })
  await caughtUp(world, pool)
  const lost: unknown[] = []
  pool.on('position-lost', (event) => lost.push(event))
  const outer = pool.session({ bookmark: make(), trusted: false })
  await outer.run(() => pool.sharedSession('team', () => outer.query('select 1')))
  const first = await outer.query({ text: 'select 1', timeoutMs: 5_000 })
  await until(
    async () => (await outer.query('select 1')).servedBy.server === 'ord',
    'the replica to show what it needs',
  )
  expect([first.servedBy.server, lost]).toEqual(['nrt', []])
})

test.each([
  ['a timeline that nobody has', () => unknownFrom(9)],
  ['nothing that can be read', () => 'garbage'],
])('is no reason for ever where what was saved is lost, beside %s', async (_, make) => {
  const store = storeInMemory()
  await store.put('team', farOn(5), new AbortController().signal)
  const pool = await pools.start({ ...world.poolOptions('ord'), bookmarkStore: store })
  await caughtUp(world, pool)
  let lost = 0
  pool.on('position-lost', () => lost++)
  const read = () => pool.query({ text: 'select 1', timeoutMs: 5_000 })
  await pool.session({ bookmark: make(), trusted: false }, () =>
    pool.sharedSession('team', async () => {
      await Promise.all([read(), read(), read()])
      await until(async () => (await read()).servedBy.server === 'ord', 'the replica to show what it needs')
    }),
  )
  expect(lost).toBe(1)
})

test('gives way on the primary, also if it cannot be read', async () => {
  const options = { ...world.poolOptions('ord'), bookmarkStore: storeInMemory(), max: 1, lanes: false }
  const pool = await pools.start(options)
  await caughtUp(world, pool)
  await world.pauseReplay('ord')
  await pool.query('update hits set n = n + 1')
  const order: string[] = []
  const readIn = (key: string, text: string): Promise<unknown> =>
    pool
      .session({ bookmark: 'garbage', trusted: false }, () => pool.sharedSession(key, () => pool.query(text)))
      .then(() => order.push('unsigned'))
  // It holds the primary's only connection until all the others wait for that.
  const first = readIn('first', 'select pg_sleep(2)')
  const others = Array.from({ length: 4 }, (_, i) => readIn(`${i}`, 'select 1'))
  await until(
    () => pool.status().servers.some(({ name, connections }) => name === 'nrt' && connections.waiting === 4),
    'all to wait',
  )
  const write = pool.query('update hits set n = n + 1').then(() => order.push('write'))
  await within(10_000, 'all of them', Promise.all([first, ...others, write]))
  expect(order.slice(0, 2)).toEqual(['unsigned', 'write'])
})
