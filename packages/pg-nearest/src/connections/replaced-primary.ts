import type { Connection } from '../pooled-connection/connection.ts'
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

/** It is in use, and does not lead to the primary that was demoted. */
export function isBusyElsewhere(
  { primaryAt, standbyDialledAt }: Demotion,
  { state, client, since, dialledAt }: Connection,
): boolean {
  const reportsStandby = isStandby(client)
  if (state === 'idle' || reportsStandby === undefined) return false
  return reportsStandby ? since > primaryAt : dialledAt > standbyDialledAt
}
