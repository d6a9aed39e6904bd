import type { FreshnessCheck } from './freshness-check.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { positionQuestion, type PositionReply } from '../session-positions/position-question.ts'
import { ReplicaBehindError } from '../session-positions/replica-behind-error.ts'

/**
 * Records how far that goes which has been shown on a connection by something that has ended there: a question is sent behind it, where
 * one is needed.
 *
 * @param ofPrimary - whether it was begun as if on a primary.
 */
export async function recordShown(check: FreshnessCheck, lease: Lease, ofPrimary: boolean): Promise<void> {
  const begun = check.begin(lease, 'trust', lease.status !== 'I', () => true)
  // Nothing had to be proven, so that nothing can be lacking.
  if (begun instanceof ReplicaBehindError) return
  const questions = begun && { ...begun, ofPrimary }
  if (questions !== undefined) questions.answerAfter = await replyTo(lease, questions)
  check.end(lease, { trust: 'trust', questions, mayHaveWritten: !lease.provenStandby, outcome: 'ended' })
  check.emitLosses()
}

function replyTo(lease: Lease, place: Parameters<typeof positionQuestion>[1]): Promise<PositionReply> {
  return new Promise((resolve) => {
    const swallowed = lease.awaitPosition()
    const answered = (reply: PositionReply): void => {
      swallowed.stop()
      resolve(reply)
    }
    lease.send(...positionQuestion(lease, place, answered))
  })
}
