import pg from 'pg'
import type { ServerFacts } from 'pg-nearest-page'
import { APP_ROLE } from '../cluster/data-directory.ts'
import { bytesOfLsn } from '../cluster/lsn.ts'
import type { World } from '../world-types.ts'

/** A server that takes longer is as good as down. */
const PATIENCE_MS = 1_000

const QUESTION = `
  select standby,
         case when standby then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end::text as lsn,
         case when standby then pg_is_wal_replay_paused() else false end as paused,
         (extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::float8 as "replayedMsAgo",
         (extract(epoch from current_setting('recovery_min_apply_delay')::interval) * 1000)::float8 as "heldBackMs",
         (select count(*)::int from pg_stat_activity where usename = '${APP_ROLE}') as connections
    from pg_is_in_recovery() as standby`

interface Row {
  readonly standby: boolean
  readonly lsn: string
  readonly paused: boolean
  readonly replayedMsAgo: number | null
  readonly heldBackMs: number
  readonly connections: number
}

/** Looks at every server, over one connection each that is kept. */
export interface ServerObserver {
  look(): Promise<readonly ServerFacts[]>
  close(): Promise<void>
}

export function createServerObserver(world: World): ServerObserver {
  const clients = new Map<string, pg.Client>()

  const drop = (region: string): void => {
    const client = clients.get(region)
    clients.delete(region)
    void client?.end().catch(() => undefined)
  }

  const clientOf = async (region: string): Promise<pg.Client> => {
    const kept = clients.get(region)
    if (kept !== undefined) return kept
    const client = new pg.Client({
      // A superuser is let in when an app holds every other connection, and sees everybody's.
      connectionString: world.url(region, { as: 'superuser' }),
      connectionTimeoutMillis: PATIENCE_MS,
      query_timeout: PATIENCE_MS,
    })
    client.on('error', () => drop(region))
    await client.connect()
    clients.set(region, client)
    return client
  }

  const ask = async (region: string): Promise<Row | undefined> => {
    if (!world.isUp(region)) return undefined
    try {
      const client = await clientOf(region)
      return (await client.query<Row>(QUESTION)).rows[0]
    } catch {
      drop(region)
      return undefined
    }
  }

  return {
    async look() {
      const rows = await Promise.all(world.regions.map(async (region) => [region, await ask(region)] as const))
      const primary = rows.find(([, row]) => row?.standby === false)?.[1]
      return rows.map(([region, row]) => factsOf(region, row, primary))
    },
    async close() {
      await Promise.all([...clients.values()].map((client) => client.end().catch(() => undefined)))
    },
  }
}

function factsOf(region: string, row: Row | undefined, primary: Row | undefined): ServerFacts {
  if (row === undefined) {
    return {
      region,
      role: 'down',
      lsn: undefined,
      lagBytes: undefined,
      lagMs: undefined,
      paused: false,
      heldBackMs: 0,
      connections: undefined,
    }
  }
  const { standby, lsn, paused, heldBackMs, connections, replayedMsAgo } = row
  const lagBytes = primary === undefined ? undefined : Math.max(0, Number(bytesOfLsn(primary.lsn) - bytesOfLsn(lsn)))
  return {
    region,
    role: standby ? 'replica' : 'primary',
    lsn,
    lagBytes: standby ? lagBytes : 0,
    lagMs: !standby || lagBytes === 0 ? 0 : (replayedMsAgo ?? undefined),
    paused,
    heldBackMs,
    connections,
  }
}
