/** How far a standby has replayed; nothing of a server that has been promoted, which goes on to tell where its replay has ended. */
export const REPLAY_LSN = 'case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() end'
