import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { isOutcomeUnknownError, type NearestPool, type RoutedClient } from '../../src/index.ts'
import { ask, withUsers } from './fixtures.ts'
import { errorOf, within } from './settling.ts'
import { TestPools } from './test-pools.ts'
import { createWritten, write, writesAgain } from './written-table.ts'

/** Longer than a read waits before it goes elsewhere, and shorter than a write on its way is given. */
const SHORT_MS = 3_000
/** A write on its way is given five seconds, and a silence is noticed by and by. */
const CUT_MS = 8_000

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  await createWritten(world)
})
afterAll(() => world.stop())
afterEach(async () => {
  world.heal('nrt', 'ord')
  await pools.destroyAll()
})

/** The process that accepts connections; those that are open go on. Returns what undoes it. */
async function freezeMain(region: string): Promise<() => void> {
  const pid = (await world.status()).find((server) => server.region === region)?.pid
  if (pid === undefined) throw new Error(`There is no server in ${region}.`)
  process.kill(pid, 'SIGSTOP')
  return () => void process.kill(pid, 'SIGCONT')
}

async function warm(): Promise<NearestPool> {
  const pool = await pools.start(world.poolOptions('ord'))
  // One connection for each transaction, and one for the write.
  await Promise.all(Array.from({ length: 4 }, () => write(pool, 'warm')))
  return pool
}

async function inTransaction(pool: NearestPool, id: string): Promise<RoutedClient> {
  const client = await pool.connect()
  client.on('error', () => undefined)
  await client.query('begin')
  await client.query('insert into written values ($1)', [id])
  return client
}

test('a short one: what is on its way is left alone and succeeds, and reads move', async () => {
  const pool = await warm()
  const open = await inTransaction(pool, 'short, in a transaction')
  const committing = await inTransaction(pool, 'short, committed')
  world.partition('nrt', 'ord')
  const written = errorOf(CUT_MS, 'the write', write(pool, 'short, alone'))
  const more = errorOf(CUT_MS, 'the statement', open.query("insert into written values ('short, more')"))
  const committed = errorOf(CUT_MS, 'the COMMIT', committing.query('commit'))
  const readAt = performance.now()
  const read = await within(SHORT_MS, 'a read', pool.query({ text: 'select 1', consistency: 'eventual' }))
  expect(read.servedBy.server).toBe('ord')
  await sleep(SHORT_MS - (performance.now() - readAt))
  world.heal('nrt', 'ord')
  expect(await Promise.all([written, more, committed])).toEqual([undefined, undefined, undefined])
  await within(2_000, 'a later COMMIT', open.query('commit'))
  open.release()
  committing.release()
  const rows = await ask<{ id: string }>(world.url('nrt'), "select id from written where id like 'short%' order by id")
  expect(rows.map(({ id }) => id)).toEqual([
    'short, alone',
    'short, committed',
    'short, in a transaction',
    'short, more',
  ])
})

test('a long one: what is on its way is cut after about five seconds, and said to be unknown or lost', async () => {
  const pool = await warm()
  const open = await inTransaction(pool, 'long, in a transaction')
  const committing = await inTransaction(pool, 'long, committed')
  world.partition('nrt', 'ord')
  const cutAt = performance.now()
  const after = async (promise: Promise<unknown>) => ({ error: await promise, ms: performance.now() - cutAt })
  const [written, more, committed] = await Promise.all([
    after(errorOf(CUT_MS, 'the write', write(pool, 'long, alone'))),
    after(errorOf(CUT_MS, 'the statement', open.query("insert into written values ('long, more')"))),
    after(errorOf(CUT_MS, 'the COMMIT', committing.query('commit'))),
  ])
  expect(isOutcomeUnknownError(written.error)).toBe(true)
  expect(more.error).toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
  expect(isOutcomeUnknownError(committed.error)).toBe(true)
  for (const { ms } of [written, more, committed]) expect(ms).toBeGreaterThan(SHORT_MS)
  open.release()
  committing.release()
  world.heal('nrt', 'ord')
  await writesAgain(pool)
})

test('a read that needs a new connection moves as soon, if the server answers those that it has and accepts none', async () => {
  const pool = pools.create({ ...world.poolOptions('ord'), min: 0 })
  await pool.refresh()
  const thaw = await freezeMain('ord')
  try {
    const read = () => pool.query({ text: 'select 1 as one', consistency: 'eventual' })
    expect((await within(SHORT_MS, 'a cold read', read())).servedBy.server).toBe('nrt')
    expect((await within(500, 'the next one', read())).servedBy.server).toBe('nrt')
  } finally {
    thaw()
  }
})

test('a server that has accepted a connection is no silent one, however long what is done on it at first may take', async () => {
  const pool = pools.create({ ...world.poolOptions('ord'), min: 0, onConnect: () => sleep(2_000) })
  await pool.refresh()
  expect((await within(SHORT_MS, 'a cold read', pool.query('select 1'))).servedBy.server).toBe('ord')
})

test('what can run nowhere else waits for a server that is slow to accept it', async () => {
  const pool = pools.create({ ...world.poolOptions('ord'), min: 0 })
  await pool.refresh()
  const thaw = await freezeMain('nrt')
  try {
    const written = errorOf(CUT_MS, 'a cold write', write(pool, 'slowly accepted'))
    await sleep(SHORT_MS)
    thaw()
    expect(await written).toBeUndefined()
  } finally {
    thaw()
  }
})

test('a read on a silent replica moves within about two seconds, and a read after it at once', async () => {
  const pool = pools.create({
    region: 'ord',
    primary: { region: 'nrt', url: world.url('nrt') },
    replicas: { ord: world.url('ord', { from: 'nrt' }) },
  })
  await pool.refresh()
  const read = () => pool.query({ text: 'select 1 as one', consistency: 'eventual' })
  expect((await read()).servedBy.server).toBe('ord')
  world.partition('nrt', 'ord')
  expect((await within(SHORT_MS, 'a read on its way', read())).servedBy.server).toBe('nrt')
  expect((await within(1_000, 'the next read', read())).servedBy.server).toBe('nrt')
})
