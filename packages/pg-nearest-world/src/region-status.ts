import { runSql } from './cluster/run-sql.ts'
import type { Server } from './cluster/server.ts'
import type { RegionStatus } from './world-types.ts'

interface StatusRow {
  readonly standby: boolean
  readonly lsn: string
  readonly paused: boolean
}

/** A server's own account of its state; one that does not answer is `down`. */
export async function regionStatus({ region, url, adminUrl, pid, running }: Server): Promise<RegionStatus> {
  const down: RegionStatus = { region, role: 'down', url: url() }
  if (!running || pid === undefined) return down
  try {
    const [row] = await runSql<StatusRow>(
      // A superuser is let in when an app holds every other connection.
      adminUrl(),
      `select r as standby,
              case when r then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end::text as lsn,
              case when r then pg_is_wal_replay_paused() else false end as paused
         from pg_is_in_recovery() as r`,
    )
    if (row === undefined) return down
    return {
      region,
      role: row.standby ? 'replica' : 'primary',
      url: url(),
      lsn: row.lsn,
      replayPaused: row.paused,
      pid,
    }
  } catch {
    return down
  }
}
