import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { World } from 'pg-nearest-world'

export interface Promotion {
  readonly old: string
  readonly promoted: string
  /** When the old primary began to be killed. */
  readonly startedAt: number
  /** When the promoted server was first seen to be no standby any more. */
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

async function look(client: pg.Client, promoting: Promise<void>): Promise<Pick<Promotion, 'promotedAt' | 'ids'>> {
  let over = false
  promoting.catch(() => undefined).finally(() => (over = true))
  for (;;) {
    const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
    if (rows[0]?.standby === false) break
    if (over) throw new Error('It was promoted, and is a standby all the same.')
    await sleep(10)
  }
  return { promotedAt: performance.now(), ids: new Set((await rowsOf(client)).keys()) }
}

/** How often each row is there. */
export async function rowsAt(url: string): Promise<ReadonlyMap<number, number>> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await rowsOf(client)
  } finally {
    await client.end()
  }
}

async function rowsOf(client: pg.Client): Promise<ReadonlyMap<number, number>> {
  const { rows } = await client.query<{ id: number; times: number }>(
    'select id, count(*)::int as times from deeds group by id',
  )
  return new Map(rows.map(({ id, times }) => [id, times]))
}
