import { Socket } from 'node:net'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { NearestPool, Session } from '../../src/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** Of many writes at once those that are sent last ask for the position of all. What is acknowledged is seen all the same. */
let world: World
let pool: NearestPool
let asked = 0
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url('nrt'), 'create table notes (n int primary key)')
  await caughtUp(world)
  pool = await pools.start({ ...world.poolOptions('ord'), stream: countingSocket })
})
afterAll(async () => {
  await pools.destroyAll()
  await world?.stop()
})
beforeEach(async () => {
  await ask(world.url('nrt'), 'truncate notes')
  await Promise.all(Array.from({ length: 10 }, () => pool.primary.query('select pg_sleep(0.01)')))
  await until(() => pool.idleCount === pool.totalCount, 'every connection to be made')
})

/** The primary's answer names the file that its position is in: eight digits each of timeline, log and segment. */
const WAL_FILE = /[\dA-F]{24}/g

/** Counts the answers to questions for the primary's position, those of probes included. */
function countingSocket(): Socket {
  const socket = new Socket()
  socket.on('data', (data: Buffer) => (asked += data.toString('latin1').match(WAL_FILE)?.length ?? 0))
  return socket
}

const insert = (by: NearestPool | Session, n: number): Promise<unknown> =>
  by.query('insert into notes values ($1)', [n])

async function questionsOf(work: () => Promise<unknown>): Promise<number> {
  const before = asked
  await work()
  return asked - before
}

const numbers = (length: number): number[] => Array.from({ length }, (_, n) => n)

test.each(['a session', 'the process'])(
  'of %s: few ask, and it reads near again at once or after one read',
  async (of) => {
    const by = of === 'a session' ? pool.session() : pool
    const few = await questionsOf(() => Promise.all(numbers(300).map((n) => insert(by, n))))
    expect(few).toBeGreaterThan(0)
    expect(few).toBeLessThan(150)
    const { rows, servedBy } = await by.query('select count(*)::int as n from notes')
    expect([rows, ['nrt', 'ord']]).toEqual([[{ n: 300 }], expect.arrayContaining([servedBy.server])])
    await until(async () => (await by.query('select 1')).servedBy.server === 'ord', 'reads to be near')
  },
)

test('each is seen by whoever has been told of it, while the others are on their way', async () => {
  const session = pool.session()
  const seen = await Promise.all(
    numbers(200).map(async (n) => {
      await insert(session, n)
      return (await session.query('select n from notes where n = $1', [n])).rowCount
    }),
  )
  expect(seen).toEqual(seen.map(() => 1))
})

test('few at once ask each for their own, and so do those of a batch, behind which it reads near at once', async () => {
  expect(
    await questionsOf(() => Promise.all(numbers(20).map((n) => insert(pool.session(), n)))),
  ).toBeGreaterThanOrEqual(20)
  const session = pool.session()
  const batch = numbers(100).map((n) => ({ text: 'insert into notes values ($1)', values: [n + 100] }))
  expect((await session.batch(batch)).every(({ status }) => status === 'fulfilled')).toBe(true)
  await caughtUp(world, pool)
  expect((await session.query('select 1')).servedBy.server).toBe('ord')
})

test('what fails, or is given up before it is sent, is not waited for by the others', async () => {
  const session = pool.session()
  const stop = new AbortController()
  const given = numbers(100).map((n) =>
    session.query({ text: 'insert into notes values ($1)', values: [n % 50], signal: stop.signal }),
  )
  stop.abort()
  await Promise.allSettled(given)
  const failing = numbers(100).map((n) => insert(session, n % 10))
  await Promise.allSettled(failing)
  expect(await questionsOf(() => insert(session, 1_000))).toBeGreaterThanOrEqual(1)
})
