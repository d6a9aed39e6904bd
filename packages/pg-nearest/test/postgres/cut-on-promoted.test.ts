import type pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { NearestPool, Session } from '../../src/index.ts'
import { startBreakingProxy, type BreakingProxy } from './breaking-proxy.ts'
import { administer, ask, caughtUp, readsSettledIn, until } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** A replica is promoted unnoticed. A read there of a view that writes is committed, and its answer is lost, or not awaited. */
let world: World
const pools = new TestPools()
let proxy: BreakingProxy
beforeEach(async () => {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'ams'],
    rtt: { 'ord-ams': 1, 'ord-nrt': 20, 'ams-nrt': 20 },
  })
  await ask(
    world.url('nrt'),
    `create table items (n int);
     create function put(n int) returns int language plpgsql volatile as $$
       begin
         if not pg_is_in_recovery() then insert into items values (n); end if;
         return n;
       end $$;
     create view putting as select put(7) as n`,
  )
  await caughtUp(world)
  proxy = await startBreakingProxy(world.url('ord', { from: 'ams' }))
})
afterEach(async () => {
  await pools.destroyAll()
  await proxy.stop()
  await world.stop()
})

async function sessionOnPromoted(lanes: boolean): Promise<{ session: Session; pool: NearestPool }> {
  const options = world.poolOptions('ams')
  const replicas = { ...options.replicas, ord: proxy.url }
  const pool = pools.create({ ...options, replicas, probeIntervalMs: 30_000, max: 3, lanes })
  pool.on('error', () => undefined)
  await pool.refresh()
  await world.pauseReplay('ams')
  const session = pool.session()
  await session.query('insert into items values (1)')
  await until(async () => (await ask(world.url('ord'), 'select n from items')).length === 1, 'ord to catch up')
  await readsSettledIn('ord', pool, () => session.query('select n from items'))
  world.partition('nrt', 'ams')
  world.partition('nrt', 'ord')
  await administer(world, 'ord', 'select pg_promote()')
  return { session, pool }
}

async function readElsewhere(session: Session, pool: NearestPool): Promise<unknown> {
  await world.kill('ord')
  await world.resumeReplay('ams')
  await until(async () => (await ask(world.url('ams'), 'select n from items')).length === 1, 'ams to catch up')
  await pool.refresh()
  try {
    const { rows, servedBy } = await session.query({ text: 'select n from items order by n', timeoutMs: 9_000 })
    return { rows, by: servedBy.server, reason: servedBy.reason }
  } catch (error) {
    return (error as Error).message
  }
}

const TEXT = 'select n from putting where $1::text is not null'
const query = { text: TEXT, values: ['the lost one'] }
const limited: pg.QueryConfig & { query_timeout: number } = { ...query, query_timeout: 700 }
const waysOut: Record<string, (session: Session) => PromiseLike<{ rows: unknown[] }>> = {
  'by timeoutMs': (session) => session.query({ ...query, timeoutMs: 700 }),
  'by query_timeout': (session) => session.query(limited),
  'by a signal': (session) => session.query({ ...query, signal: AbortSignal.timeout(700) } as never),
  'on a client, by query_timeout': async (session) => {
    const client = await session.connect()
    client.on('error', () => undefined)
    try {
      return await client.query(limited)
    } finally {
      client.release()
    }
  },
}
test.each(Object.keys(waysOut))(
  'what a view has written whose read ends %s: the next read asks the primary',
  async (name) => {
    const { session, pool } = await sessionOnPromoted(false)
    const broken = proxy.breakNext('the lost one', ({ silence }) => silence())
    await Promise.allSettled([waysOut[name]?.(session), broken])
    const written = await ask(world.url('ord'), 'select n from items order by n')
    const later = await readElsewhere(session, pool)
    expect(written).toEqual([{ n: 1 }, { n: 7 }])
    expect(later).not.toMatchObject({ rows: [{ n: 1 }] })
  },
)

test('a read that is cut on what is a standby still keeps its session from there no longer than that takes to tell', async () => {
  const pool = await pools.start({
    ...world.poolOptions('ams'),
    replicas: { ord: proxy.url },
    failoverTimeoutMs: 3_000,
  })
  const session = pool.session()
  await session.query('insert into items values (1)')
  const read = () => session.query({ text: 'select n from items', timeoutMs: 4_000 })
  await until(async () => (await ask(world.url('ord'), 'select n from items')).length === 1, 'ord to catch up')
  await readsSettledIn('ord', pool, read)
  await world.kill('nrt')
  await until(async () => (await pool.refresh()).servers[0]?.health === 'down', 'the primary to be down')
  expect((await read()).rows).toEqual([{ n: 1 }])
  const broken = proxy.breakNext('the lost one', ({ silence }) => silence())
  const lost = { text: 'select n from items where $1::text is not null', values: ['the lost one'], timeoutMs: 500 }
  await expect(session.query(lost)).rejects.toMatchObject({ code: 'NEAREST_TIMEOUT' })
  await broken
  await until(() => read().then(Boolean, () => false), 'a read')
  for (let i = 0; i < 3; i++) expect((await read()).rows).toEqual([{ n: 1 }])
})
