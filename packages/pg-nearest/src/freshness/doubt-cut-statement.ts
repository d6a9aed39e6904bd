import type { Lease } from '../pooled-connection/lease.ts'
import type { FreshnessContext } from '../session-positions/freshness-context.ts'
import type { FreshnessCheck } from './freshness-check.ts'

/** How long a server may take to tell that it is a standby still, though the connection has died. */
const DOUBTED_MS = 1_000
const FROM_THE_BEGINNING = 0n

/**
 * A statement was cut on what was taken for a standby. If that was promoted meanwhile, it may have written, though it looked like a read: its
 * connection tells once it has answered. If it does not, its server is asked: what is in recovery was so all the time that it has run.
 */
export async function doubtCutStatement(check: FreshnessCheck, lease: Lease, context: FreshnessContext): Promise<void> {
  const ends = check.concerned.map((session) => session.beginShowing())
  await lease.fence
  const isStandby = lease.alive ? lease.provenStandby : await isInRecovery(lease, context)
  for (const end of ends) end()
  if (!isStandby) check.markUnknown()
}

/** A promoted server tells nothing of where its replay has got to. */
async function isInRecovery({ server, machine }: Lease, context: FreshnessContext): Promise<boolean> {
  const isReplaying = await context.reached(server, FROM_THE_BEGINNING, DOUBTED_MS)
  return isReplaying && machine !== undefined && context.stateOf(server)?.machine === machine
}
