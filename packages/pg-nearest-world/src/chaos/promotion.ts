import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { World } from '../world-types.ts'

export interface Promotion {
  readonly old: string
  readonly promoted: string
  /** When the old primary began to be killed. */
  readonly startedAt: number
  /** Up to when the promoted server was certainly a standby. */
  readonly standbyUntil: number
  /** When it was first seen to be none any more: on a busy machine, long after others have seen it. */
  readonly promotedAt: number
  /** What it had at that time. */
  readonly ids: ReadonlySet<number>
}

/** Promotes a replica, and looks at what it has as soon as it is the primary: over a connection from before. */
export async function promoteAndLook(world: World, promoted: string): Promise<Promotion> {
  const old = world.primary
  const client = new pg.Client({ connectionString: world.url(promoted) })
  client.on('error', () => undefined)
  await client.connect()
  try {
    const startedAt = performance.now()
    const promoting = world.promote(promoted)
    const [looked] = await Promise.all([look(client, promoting), promoting])
    return { old, promoted, startedAt, ...looked }
  } finally {
    await client.end()
  }
}

async function look(
  client: pg.Client,
  promoting: Promise<void>,
): Promise<Omit<Promotion, 'old' | 'promoted' | 'startedAt'>> {
  let over = false
  let standbyUntil = performance.now()
  promoting.catch(() => undefined).finally(() => (over = true))
  for (;;) {
    const askedAt = performance.now()
    const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
    if (rows[0]?.standby === false) break
    if (over) throw new Error('It was promoted, and is a standby all the same.')
    standbyUntil = askedAt
    await sleep(10)
  }
  return { standbyUntil, promotedAt: performance.now(), ids: new Set((await rowsOf(client)).keys()) }
}

/** Makes the table of the apps' writes, without a unique constraint, so that what is written twice is there twice. */
export async function createDeeds(world: World): Promise<void> {
  const client = new pg.Client({ connectionString: world.url(world.primary) })
  await client.connect()
  try {
    await client.query('create table deeds (id int not null)')
  } finally {
    await client.end()
  }
}

/** How often each row is there, from this one on. */
export async function rowsAt(url: string, from = 0): Promise<ReadonlyMap<number, number>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await rowsOf(client, from)
  } finally {
    await client.end()
  }
}

/** The same over a connection that there is. */
export async function rowsOf(client: Pick<pg.Client, 'query'>, from = 0): Promise<ReadonlyMap<number, number>> {
  const { rows } = await client.query<{ id: number; times: number }>(
    'select id, count(*)::int as times from deeds where id >= $1 group by id',
    [from],
  )
  return new Map(rows.map(({ id, times }) => [id, times]))
}
