import type { StatementClass } from './statement-need-types.ts'

/** The class of a statement that must run on the primary because of a name in it, though a standby would accept it. */
export type PrimaryOnly = Exclude<StatementClass, 'read' | 'transaction'>

const SESSION_FUNCTIONS: ReadonlySet<string> = new Set([
  'current_setting',
  'currval',
  'inet_client_addr',
  'inet_client_port',
  'lastval',
  'pg_backend_pid',
  'pg_cursor',
  'pg_export_snapshot',
  'pg_get_backend_memory_contexts',
  'pg_is_other_temp_schema',
  'pg_listening_channels',
  'pg_my_temp_schema',
  'pg_prepared_statement',
  'pg_show_all_settings',
  'set_config',
  'setseed',
])
const SESSION_FUNCTION_PREFIXES = ['pg_advisory_', 'pg_try_advisory_', 'dblink', 'postgres_fdw_']

/** Their effect would be lost on a standby, or strike the wrong server. */
const WRITING_FUNCTIONS: ReadonlySet<string> = new Set([
  'binary_upgrade_set_next_pg_type_oid',
  'bt_index_parent_check',
  'gin_clean_pending_list',
  'loread',
  'lowrite',
  'nextval',
  'pg_cancel_backend',
  'pg_import_system_collations',
  'pg_nextoid',
  'pg_notify',
  'pg_prewarm',
  'pg_promote',
  'pg_reload_conf',
  'pg_rotate_logfile',
  'pg_stat_clear_snapshot',
  'pg_stat_force_next_flush',
  'pg_switch_wal',
  'pg_terminate_backend',
  'pg_truncate_visibility_map',
  'pg_wal_replay_pause',
  'pg_wal_replay_resume',
  'setval',
])
const WRITING_FUNCTION_PREFIXES = [
  'brin_',
  'lo_',
  'pg_backup_',
  'pg_clear_',
  'pg_copy_',
  'pg_create_',
  'pg_current_xact_',
  'pg_drop_',
  'pg_file_',
  'pg_log_',
  'pg_logical_',
  'pg_replication_',
  'pg_restore_',
  'pg_start_backup',
  'pg_stat_reset',
  'pg_stat_statements_reset',
  'pg_stop_backup',
  'pg_sync_',
  'txid_current',
]

/** A standby would answer with what is true of itself. */
const SERVER_BOUND_FUNCTIONS: ReadonlySet<string> = new Set([
  'inet_server_addr',
  'inet_server_port',
  'pg_blocking_pids',
  'pg_conf_load_time',
  'pg_current_logfile',
  'pg_get_sequence_data',
  'pg_jit_available',
  'pg_lock_status',
  'pg_notification_queue_usage',
  'pg_postmaster_start_time',
  'pg_prepared_xact',
  'pg_read_binary_file',
  'pg_read_file',
  'pg_relation_filepath',
  'pg_safe_snapshot_blocking_pids',
  'pg_sequence_last_value',
  'pg_show_all_file_settings',
])
const SERVER_BOUND_FUNCTION_PREFIXES = [
  'pg_control_',
  'pg_current_snapshot',
  'pg_current_wal_',
  'pg_get_replication_',
  'pg_get_wal_',
  'pg_hba_',
  'pg_is_in_',
  'pg_is_wal_',
  'pg_last_',
  'pg_ls_',
  'pg_stat_',
  'pg_wal',
  'pg_xact_',
  'txid_',
]

const SESSION_RELATIONS: ReadonlySet<string> = new Set([
  'pg_backend_memory_contexts',
  'pg_cursors',
  'pg_prepared_statements',
  'pg_settings',
])
const SERVER_BOUND_RELATIONS: ReadonlySet<string> = new Set([
  'pg_aios',
  'pg_buffercache',
  'pg_config',
  'pg_file_settings',
  'pg_hba_file_rules',
  'pg_ident_file_mappings',
  'pg_locks',
  'pg_prepared_xacts',
  'pg_replication_origin_status',
  'pg_replication_slots',
  'pg_sequences',
  'pg_shmem_allocations',
  'pg_shmem_allocations_numa',
])
const SERVER_BOUND_RELATION_PREFIXES = ['pg_stat_', 'pg_statio_', 'pg_buffercache']

/** The columns of a sequence. A standby shows them up to 32 values ahead, as logged in the WAL. */
const SEQUENCE_COLUMNS: ReadonlySet<string> = new Set(['is_called', 'last_value', 'log_cnt'])

/** Where a function of this name must run; `undefined`: anywhere. */
export function primaryOnlyFunction(name: string): PrimaryOnly | undefined {
  if (SESSION_FUNCTIONS.has(name) || startsWithAny(name, SESSION_FUNCTION_PREFIXES)) return 'session'
  if (WRITING_FUNCTIONS.has(name) || startsWithAny(name, WRITING_FUNCTION_PREFIXES)) return 'write'
  if (SERVER_BOUND_FUNCTIONS.has(name) || startsWithAny(name, SERVER_BOUND_FUNCTION_PREFIXES)) return 'server-bound'
  return undefined
}

/** Where a column of this name must be read; `undefined`: anywhere. */
export function primaryOnlyColumn(name: string): PrimaryOnly | undefined {
  return SEQUENCE_COLUMNS.has(name) ? 'server-bound' : undefined
}

/** Where a relation or a schema of this name must be read; `undefined`: anywhere. */
export function primaryOnlyRelation(name: string): PrimaryOnly | undefined {
  if (!name.startsWith('pg_')) return undefined
  if (name === 'pg_temp' || name.startsWith('pg_temp_') || SESSION_RELATIONS.has(name)) return 'session'
  return SERVER_BOUND_RELATIONS.has(name) || startsWithAny(name, SERVER_BOUND_RELATION_PREFIXES)
    ? 'server-bound'
    : undefined
}

function startsWithAny(name: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => name.startsWith(prefix))
}
