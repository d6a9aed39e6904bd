import type { Lease } from '../pooled-connection/lease.ts'
import type { FreshnessCheck } from './freshness-check.ts'

/**
 * A statement was cut on what was taken for a standby. If that was promoted meanwhile, it may have written, though it looked like a read: its
 * connection tells once it has answered.
 */
export async function doubtCutStatement(check: FreshnessCheck, lease: Lease): Promise<void> {
  const ends = check.concerned.map((session) => session.beginShowing())
  await lease.fence
  for (const end of ends) end()
  if (!lease.alive || !lease.provenStandby) check.markUnknown()
}
