import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { World } from 'pg-nearest-world'
import type { NearestPool, ProblemEvent, Status } from '../../src/index.ts'

/** Runs one statement on one server, past the pool under test. */
export async function ask<R extends pg.QueryResultRow = Record<string, unknown>>(
  url: string,
  text: string,
): Promise<R[]> {
  return asking(url, async (client) => (await client.query<R>(text)).rows)
}

/** Asks a server on one connection, past the pool under test. */
export async function asking<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
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
  await administer(world, world.primary, WRITE_OUT)
  const [row] = await administer<{ lsn: string }>(world, world.primary, 'select pg_current_wal_lsn() as lsn')
  for (const region of world.regions) {
    if (region === world.primary) continue
    const reached = async (): Promise<boolean> => {
      const [answer] = await administer<{ there: boolean }>(
        world,
        region,
        `select pg_last_wal_replay_lsn() >= '${row?.lsn}' as there`,
      )
      return answer?.there ?? false
    }
    await until(reached, `${region} to catch up`)
  }
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
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms for ${what}`)
    await sleep(everyMs)
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
