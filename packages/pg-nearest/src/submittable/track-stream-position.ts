import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { recordShown } from '../freshness/record-read-position.ts'
import type { SubmittableEnd } from './submittable-exchange.ts'

/** Resolves when the session knows of what has ended. */
type OnEnd = (end: SubmittableEnd) => Promise<void>

/**
 * What a cursor, a stream or a COPY means for its session, from when it is sent until it has ended: what it may have written has no
 * position that is known, so that the session is blind by it; what it has shown has one, for which its server is asked behind it.
 */
export function beginEffects(check: FreshnessCheck, lease: Lease, reads: boolean): OnEnd {
  if (!reads) {
    const settle = check.beginUnsettled()
    return (): Promise<void> => {
      settle()
      check.markUnknown()
      return Promise.resolve()
    }
  }
  const settle = check.beginShowing(lease)
  const ofPrimary = !lease.standby
  return async (end): Promise<void> => {
    // It has shown nothing.
    if (end.kind === 'untold' || (end.kind === 'ended' && end.unsent !== undefined)) return settle()
    // In a transaction that has failed nothing is answered.
    if (!ofPrimary && !lease.standby) check.answers.notePromotion(lease)
    const tells = end.kind === 'ended' && lease.status !== 'E'
    if (tells) await recordShown(check, lease, ofPrimary)
    settle()
    if (!tells) check.markUnknown()
  }
}
