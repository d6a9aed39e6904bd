import type { Connection } from '../pooled-connection/connection.ts'
import { isSameRun } from '../observations/same-machine.ts'
import { isStandby } from '../pg-client/standby-aware-client.ts'
import type { Demotion, ReplacedPrimary } from '../server-watch/monitor-dependencies.ts'

/** Closes what may lead to it: a write that it acknowledges would be lost. */
export function cutOff(replaced: ReplacedPrimary, connections: Iterable<Connection>): void {
  for (const each of connections) if (mayLeadTo(replaced, each)) each.kill(new Error('Connection terminated'))
}

function mayLeadTo(
  { start, dialledBefore }: ReplacedPrimary,
  { alive, client, dialledAt, machine }: Connection,
): boolean {
  if (!alive) return false
  if (machine !== undefined) return machine.split(' ')[0] === start
  return dialledAt < dialledBefore && isStandby(client) !== true
}

type Used = Pick<Connection, 'state' | 'client' | 'since' | 'dialledAt' | 'machine'>

/** It is in use, and cannot lead to the primary that was demoted: as that may still run, an acknowledgement of it would be worth nothing. */
export function isBusyElsewhere(
  { primary, primaryAt, restartDialledAt }: Demotion,
  { state, client, since, dialledAt, machine }: Used,
): boolean {
  const reportsStandby = isStandby(client)
  if (state === 'idle' || reportsStandby === undefined) return false
  if (reportsStandby) return since > primaryAt
  const isAnother = primary !== undefined && machine !== undefined && !isSameRun(primary, machine)
  return isAnother || dialledAt > restartDialledAt
}
