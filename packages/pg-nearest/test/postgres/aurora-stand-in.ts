import type { World } from 'pg-nearest-world'
import { administer, caughtUp } from './fixtures.ts'

/** Makes a function fail for an app's role, as it does on Aurora. Not for the superuser: the world itself uses it. */
export function failing(name: string): string {
  return `alter function pg_catalog.${name}() rename to real_${name};
    create function pg_catalog.${name}() returns pg_lsn language plpgsql volatile as $$
    begin
      if current_setting('is_superuser') = 'on' then return pg_catalog.real_${name}(); end if;
      raise exception 'Function ${name}() is currently not supported for Aurora' using errcode = '0A000';
    end $$`
}

/** The columns that AWS documents, in its order. */
const COLUMNS = `server_id text, session_id text, durable_lsn bigint, highest_lsn_rcvd bigint, current_read_lsn bigint,
  cur_replay_latency_in_usec int, active_txns int, is_current boolean, last_transport_error int, last_error_timestamp timestamptz,
  last_update_timestamp timestamptz, feedback_xmin xid, feedback_epoch int, replica_lag_in_msec int,
  log_stream_speed_in_kib_per_second float8, log_buffer_sequence_number int, oldest_read_view_trx_id xid, oldest_read_view_lsn bigint,
  pending_read_ios int, read_ios int, iops int, cpu float4`

/**
 * Gives a world's servers the functions in which Aurora names its instances, under these names by region, and takes away those that it does
 * not have. What they say stands in the table `instances`, which is replicated: it is for the test to keep it true.
 */
export async function playAurora(world: World, names: Readonly<Record<string, string>>): Promise<void> {
  const rows = await Promise.all(
    Object.entries(names).map(async ([region, name]) => {
      const [row] = await administer<{ port: string }>(world, region, "select current_setting('port') as port")
      return `('${name}', ${row?.port}, ${region === world.primary})`
    }),
  )
  await administer(
    world,
    world.primary,
    `create table instances (name text primary key, port int not null, writer boolean not null, updated timestamptz default now());
     alter table instances owner to app;
     insert into instances values ${rows.join(', ')};
     create function pg_catalog.aurora_db_instance_identifier() returns varchar language sql stable security definer as
       $$ select name from public.instances where port = current_setting('port')::int $$;
     create function pg_catalog.aurora_replica_status() returns table (${COLUMNS}) language plpgsql stable security definer as $$
       declare instance record;
       begin
         for instance in select * from public.instances loop
           server_id := instance.name;
           session_id := case when instance.writer then 'MASTER_SESSION_ID' else 'a0c0-' || instance.name end;
           last_update_timestamp := case when instance.port <> current_setting('port')::int then instance.updated end;
           return next;
         end loop;
       end $$;
     ${['pg_last_wal_replay_lsn', 'pg_current_wal_insert_lsn', 'pg_current_wal_lsn'].map(failing).join(';')}`,
  )
  await caughtUp(world)
}
