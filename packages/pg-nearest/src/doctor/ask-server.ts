import type { TLSSocket } from 'node:tls'
import type pg from 'pg'
import type { ListedServer } from '../discovery/listed-server.ts'
import type { Replay, Role, ServerFacts, Tables } from '../examination/examination-facts.ts'
import { unlessAborted } from '../limits/unless-aborted.ts'
import { connectClient, destroySocket } from '../pg-client/connect-client.ts'
import { serverClient } from '../pg-client/standby-aware-client.ts'

const CONNECT_MS = 2_000
/** For all questions to one server. */
const ANSWERS_MS = 8_000

const SETTINGS = `select name, setting, source from pg_catalog.pg_settings where name in ('hot_standby_feedback',
  'max_standby_streaming_delay', 'recovery_min_apply_delay', 'restore_command', 'idle_session_timeout')`

const REPLAY = `select pg_catalog.pg_is_wal_replay_paused() as paused, 1000 * pg_catalog.date_part('epoch',
  pg_catalog.clock_timestamp() operator(pg_catalog.-) pg_catalog.pg_last_xact_replay_timestamp()) as "ageMs"`

const CONFLICTS = `select confl_tablespace + confl_lock + confl_snapshot + confl_bufferpin + confl_deadlock as n
  from pg_catalog.pg_stat_database_conflicts where datname = pg_catalog.current_database()`

const ROLE = `select rolname as name, rolsuper as superuser, rolconnlimit as connections, datconnlimit as "databaseConnections"
  from pg_catalog.pg_roles, pg_catalog.pg_database
  where rolname = current_user and datname = pg_catalog.current_database()`

/** Of whatever extensions have brought along, too, but not of the server's own, nor partitions, which are read by their parent's rights. */
const TABLES = `select pg_catalog.count(*) as count, pg_catalog.count(*) filter (where not readable) as unreadable,
    coalesce(pg_catalog.array_agg(distinct nspname::pg_catalog.text) filter (where not readable), '{}') as schemas
  from (select nspname, pg_catalog.has_schema_privilege(n.oid, 'usage')
      and pg_catalog.has_table_privilege(c.oid, 'select') as readable
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = relnamespace
    where relkind in ('r', 'p') and not relispartition and nspname !~ '^(pg_|information_schema$)') t`

const SLOTS = `select slot_name as slot from pg_catalog.pg_replication_slots
  where slot_type = 'physical' and not active and restart_lsn is not null order by slot_name`

/**
 * Asks one server about itself, on a connection of its own. Each question may be refused; what is refused is left out.
 *
 * @returns `undefined` if no connection can be made
 */
export async function askServer(server: ListedServer, pgOptions: pg.PoolConfig): Promise<ServerFacts | undefined> {
  const Client = serverClient({ server: server.name, login: () => server.login })
  const client = new Client({ ...pgOptions, application_name: pgOptions.application_name ?? 'pg-nearest doctor' })
  const signal = AbortSignal.timeout(ANSWERS_MS)
  const ask = async <R extends pg.QueryResultRow>(text: string): Promise<R[] | undefined> =>
    unlessAborted(client.query<R>(text), signal).then(
      ({ rows }) => rows,
      () => undefined,
    )
  try {
    await connectClient(client, CONNECT_MS, signal)
    const settings = await ask<{ name: string; setting: string; source: string }>(SETTINGS)
    const replay = await ask<{ paused: boolean; ageMs: number | null }>(REPLAY)
    const conflicts = await ask<{ n: string }>(CONFLICTS)
    const role = await ask<{ [K in keyof Role]: Role[K] }>(ROLE)
    const tables = await ask<{ count: string; unreadable: string; schemas: string[] }>(TABLES)
    const slots = await ask<{ slot: string }>(SLOTS)
    return {
      encrypted: (client.connection.stream as Partial<TLSSocket>).encrypted === true,
      settings: new Map(settings?.map(({ name, setting }) => [name, setting])),
      sources: new Map(settings?.map(({ name, source }) => [name, source])),
      replay: replayOf(replay?.[0]),
      conflicts: conflicts?.[0] === undefined ? undefined : Number(conflicts[0].n),
      role: role?.[0],
      tables: tablesOf(tables?.[0]),
      unusedSlots: slots?.map(({ slot }) => slot),
    }
  } catch {
    return undefined
  } finally {
    destroySocket(client)
  }
}

function replayOf(row: { paused: boolean; ageMs: number | null } | undefined): Replay | undefined {
  return row === undefined ? undefined : { paused: row.paused, ageMs: row.ageMs ?? undefined }
}

function tablesOf(row: { count: string; unreadable: string; schemas: string[] } | undefined): Tables | undefined {
  if (row === undefined) return undefined
  return { count: Number(row.count), unreadable: Number(row.unreadable), schemas: row.schemas }
}
