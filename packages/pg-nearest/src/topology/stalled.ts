import { formatLsn } from './lsn.ts'
import type { ServerState, Topology } from './topology.ts'

/** A standby asks for WAL again within five seconds after it was refused it (`wal_retrieve_retry_interval`). */
export const STALLED_AFTER_MS = 10_000

/** It has received nothing for so long, though the primary had more, that reads avoid it. Where that is not known it does not count. */
export function isStalled({ stalledAfterMs = STALLED_AFTER_MS }: Topology, { stalledMs }: ServerState): boolean {
  return stalledMs !== undefined && stalledMs >= stalledAfterMs
}

/** Stays the same while it lasts, so that it is told once. */
export function describeStall({ name, walEnd }: ServerState): string {
  const end = walEnd === undefined ? '' : ` (nothing behind ${formatLsn(walEnd)})`
  return `${name} receives nothing from its primary any more${end}, so that reads avoid it: ${STALL_REMEDY}.`
}

export const STALL_REMEDY =
  'see in its log why its walreceiver has stopped, and look at primary_conninfo, at its slot on the primary (pg_replication_slots), and whether the WAL that it needs is still there'
