import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { World } from 'pg-nearest-world'
import type { NearestPool, ProblemEvent, Status } from '../../src/index.ts'

/** Idle connections of what {@link until} asks again and again: to make one costs a server more than a hundred questions. */
const keptClients = new AsyncLocalStorage<Map<string, pg.Client>>()

/** Runs one statement on one server, past the pool under test. */
export async function ask<R extends pg.QueryResultRow = Record<string, unknown>>(
  url: string,
  text: string,
): Promise<R[]> {
  const kept = keptClients.getStore()
  const client = kept?.get(url) ?? (await connectTo(url))
  kept?.delete(url)
  let isKept = false
  try {
    const { rows } = await client.query<R>(text)
    if (kept !== undefined && !kept.has(url)) {
      kept.set(url, client)
      client.once('end', () => kept.delete(url))
      isKept = true
    }
    return rows
  } finally {
    if (!isKept) await client.end()
  }
}

async function connectTo(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

/** Asks a server on one connection, past the pool under test. */
export async function asking<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await connectTo(url)
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

/** Runs what an app's own role may not: it says why where it is called. */
export function administer<R extends pg.QueryResultRow = Record<string, unknown>>(
  world: World,
  region: string,
  text: string,
): Promise<R[]> {
  return ask<R>(world.url(region, { as: 'superuser' }), text)
}

/** Creates what the tests read and write, and waits until every replica has it. */
export async function withUsers(world: World): Promise<void> {
  await ask(
    world.url(world.primary),
    `create table users (id int generated always as identity primary key, name text not null unique, age int);
     insert into users (name, age) values ('Ada', 36), ('Grace', 45), ('Edsger', 72);
     create table hits (n int not null);
     insert into hits values (0);
     create function hit() returns int language sql volatile as 'update hits set n = n + 1 returning n';`,
  )
  await caughtUp(world)
}

/** A commit takes along what was logged before it. */
export const WRITE_OUT = "select pg_logical_emit_message(true, 'test', 'write out')"

/**
 * Waits until every replica that answers has replayed what is in the primary's log by now, written out or not; and these
 * pools know.
 */
export async function caughtUp(world: World, ...pools: readonly NearestPool[]): Promise<void> {
  // An ordinary role may be refused these functions, which some tests are about.
  const lsn = await asking(world.url(world.primary, { as: 'superuser' }), async (client) => {
    await client.query(WRITE_OUT)
    return (await client.query<{ lsn: string }>('select pg_current_wal_lsn() as lsn')).rows[0]?.lsn
  })
  const there = `select pg_last_wal_replay_lsn() >= '${lsn}' as there`
  const replicas = world.regions.filter((region) => region !== world.primary)
  await Promise.all(
    replicas.map((region) => {
      const reached = async (): Promise<boolean> =>
        (await administer<{ there: boolean }>(world, region, there))[0]?.there ?? false
      return until(reached, `${region} to catch up`)
    }),
  )
  await Promise.all(pools.map((pool) => pool.refresh()))
}

/** Asks again and again, with a clear error in the end. */
export async function until(
  holds: () => boolean | Promise<boolean>,
  what: string,
  withinMs = 15_000,
  everyMs = 10,
): Promise<void> {
  const end = performance.now() + withinMs
  const kept = new Map<string, pg.Client>()
  try {
    while (!(await keptClients.run(kept, holds))) {
      if (performance.now() > end) throw new Error(`waited ${withinMs} ms for ${what}`)
      await sleep(everyMs)
    }
  } finally {
    await Promise.all([...kept.values()].map((client) => client.end()))
  }
}

export function healthOf(status: Status, name: string): string | undefined {
  return status.servers.find((server) => server.name === name)?.health
}

export function roleOf(status: Status, name: string): string | undefined {
  return status.servers.find((server) => server.name === name)?.role
}

/** Resolves with the next problem that names this server. */
export async function nextProblem(pool: NearestPool, server: string): Promise<ProblemEvent> {
  for (;;) {
    const [problem] = (await once(pool, 'problem')) as [ProblemEvent]
    if (problem.server === server) return problem
  }
}

/** How often a server has read a table by itself: its own counter. Exact once the readers' connections are closed. */
export async function scansOf(url: string, table: string): Promise<number> {
  const [row] = await ask<{ scans: number }>(
    url,
    `select (coalesce(seq_scan, 0) + coalesce(idx_scan, 0))::int as scans from pg_stat_user_tables where relname = '${table}'`,
  )
  return row?.scans ?? 0
}

/** Waits until a pool has measured that a server is near: on a busy machine a single probe may say that it is far. */
export function measuredNear(pool: NearestPool, name: string, withinMs: number): Promise<void> {
  return until(async () => {
    const { servers } = await pool.refresh()
    return (servers.find((server) => server.name === name)?.leastRttMs ?? Number.POSITIVE_INFINITY) < withinMs
  }, `${name} to be near`)
}

/** Waits until a pool has measured these servers, the nearest first: on a busy machine a single probe may say otherwise. */
export function nearInOrder(pool: NearestPool, ...names: readonly string[]): Promise<void> {
  return until(
    async () => {
      const { servers } = await pool.refresh()
      const rtts = names.map(
        (name) => servers.find((server) => server.name === name)?.rttMs ?? Number.POSITIVE_INFINITY,
      )
      return rtts.every((ms, i) => i === 0 || ms > (rtts[i - 1] ?? 0))
    },
    `${names.join(', ')} in this order`,
  )
}

/** Reads three times at once until all are answered by this server, again and again: on a busy machine a single probe may say that another is near. */
export async function readsSettledIn(
  server: string,
  pool: NearestPool,
  read: () => Promise<{ readonly servedBy: { readonly server: string } }>,
): Promise<void> {
  await pool.refresh()
  let times = 0
  await until(async () => {
    const results = await Promise.all([read(), read(), read()])
    if (results.every(({ servedBy }) => servedBy.server === server)) times++
    else await pool.refresh()
    return times > 4
  }, `reads in ${server}`)
}
