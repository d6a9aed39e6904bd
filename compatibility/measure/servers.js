import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** The app's region, with a replica; the primary is an ocean away. */
export const HERE = 'ord'

/** Asks one server, past the pool under test. */
export async function ask(url, text, values = []) {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(text, values)).rows
  } finally {
    await client.end()
  }
}

export async function until(holds, what, withinMs = 20_000) {
  const end = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms for ${what}`)
    await sleep(20)
  }
}

const administer = (world, region, text, values) => ask(world.url(region, { as: 'superuser' }), text, values)

/** Waits until the replica has replayed what is in the primary's log by now. */
export async function caughtUp(world) {
  // A commit takes along what was logged before it.
  await administer(world, world.primary, "select pg_logical_emit_message(true, 'test', 'write out')")
  const [{ lsn }] = await administer(world, world.primary, 'select pg_current_wal_lsn() as lsn')
  const reached = async () => {
    const [{ there }] = await administer(world, HERE, 'select pg_last_wal_replay_lsn() >= $1 as there', [lsn])
    return there
  }
  await until(reached, 'the replica to catch up')
}

/** What the app's role has running, or connected, on one server. */
async function backends(world, region, condition) {
  const [{ n }] = await administer(
    world,
    region,
    `select count(*)::int as n from pg_stat_activity where usename = 'app' and ${condition}`,
  )
  return n
}

/** A server's counters are exact once the connections are gone that read. */
export async function disconnected(world) {
  for (const region of world.regions) {
    await until(async () => (await backends(world, region, 'true')) === 0, `the connections to ${region} to end`)
  }
}

/** Waits until what was cancelled runs on no server. */
export async function nothingSlow(world) {
  const slow = "state = 'active' and query ~ 'pg_sleep|1000000000'"
  for (const region of world.regions) {
    await until(async () => (await backends(world, region, slow)) === 0, `${region} to end what was cancelled`, 3_000)
  }
}

/** How often each server has read these tables, by its own counters. */
export async function scans(world, tables) {
  await disconnected(world)
  const text = `select coalesce(sum(coalesce(seq_scan, 0) + coalesce(idx_scan, 0)), 0)::int as n
    from pg_stat_user_tables where ${tables}`
  const [replica, primary] = await Promise.all([HERE, world.primary].map((region) => administer(world, region, text)))
  return { replica: replica[0].n, primary: primary[0].n }
}
