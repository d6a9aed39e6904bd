import type { QueryResultRow } from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { directProbe } from './direct-probe.ts'
import { administer, ask, caughtUp, healthOf, until } from './fixtures.ts'

/** Longer than a probe may take, and than any limit for what can run elsewhere. */
const LONG_S = 2.2

let world: World
let pool: NearestPool
const pools: NearestPool[] = []

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 100 })
  await ask(world.url('nrt'), 'create table written (id int)')
  await caughtUp(world)
})
afterEach(async () => {
  await Promise.all(pools.splice(0).map((each) => each.destroy()))
  await asAdmin(`alter role app connection limit -1 password '${new URL(world.url('nrt')).password}'; truncate written`)
})
afterAll(() => world.stop())

/** A superuser may alter roles, and comes in whatever the app's role is refused. */
const asAdmin = <R extends QueryResultRow>(text: string): Promise<R[]> => administer<R>(world, 'nrt', text)

/** Three long writes are running, each on a connection of its own. */
async function writing(): Promise<Promise<unknown>[]> {
  pool = createPool({
    ...world.poolOptions('ord'),
    application_name: 'refused',
    failoverTimeoutMs: 500,
  })
  pools.push(pool)
  pool.on('error', () => undefined)
  await pool.refresh()
  const writes = [1, 2, 3].map((id) =>
    pool.query(`insert into written select ${id} from pg_sleep(${LONG_S})`).catch((error: unknown) => error),
  )
  await until(async () => {
    const [row] = await asAdmin<{ n: number }>(
      "select count(*)::int as n from pg_stat_activity where usename = 'app' and query like 'insert%' and state = 'active'",
    )
    return row?.n === 3
  }, 'three writes to run')
  return writes
}

async function areKept(writes: Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.all(writes)) expect(result).toMatchObject({ rowCount: 1 })
  expect(await asAdmin('select count(*)::int as n from written')).toEqual([{ n: 3 }])
  expect(healthOf(pool.status(), 'nrt')).not.toBe('down')
}

/** While the long ones run, write upon write that needs a new connection: each ends with an error. */
async function refusedUntilEnd(writes: Promise<unknown>[]): Promise<void> {
  let running = true
  const all = Promise.all(writes).then(() => (running = false))
  while (running) {
    const refused = pool
      .query({ text: 'insert into written select 4 where false', timeoutMs: 1_000 })
      .catch((error: unknown) => error)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await Promise.race([refused, all])
  }
}

test('no connection left for new ones: what runs goes on', async () => {
  const writes = await writing()
  await asAdmin('alter role app connection limit 1')
  await refusedUntilEnd(writes)
  await areKept(writes)
})

test('a password that was changed: what runs goes on', async () => {
  const writes = await writing()
  await asAdmin("alter role app password 'second'")
  await refusedUntilEnd(writes)
  await areKept(writes)
})

test('a refusal of the monitor itself, too', async () => {
  const writes = await writing()
  await asAdmin("alter role app password 'second'")
  await asAdmin(
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app' and query not like 'insert%'",
  )
  await refusedUntilEnd(writes)
  await areKept(writes)
})

test('a question whose connection an operator has ended is asked on another: it may have been that one alone', async () => {
  await caughtUp(world)
  let losses = 0
  const pgOptions = { application_name: 'ended' }
  const probe = directProbe(world.url('ord'), { pgOptions, onLoss: () => losses++ })
  try {
    await probe.ask()
    const [backend] = await administer<{ pid: number }>(
      world,
      'ord',
      "select pid from pg_stat_activity where application_name = 'ended'",
    )
    if (backend === undefined) throw new Error('Nobody asks ord')
    process.kill(backend.pid, 'SIGSTOP')
    const position = probe.position()
    await administer(world, 'ord', `select pg_terminate_backend(${backend.pid})`).finally(() =>
      process.kill(backend.pid, 'SIGCONT'),
    )
    expect(await position).toMatchObject({ lsn: expect.any(BigInt) })
    expect(losses).toBe(1)
  } finally {
    probe.close()
  }
})
