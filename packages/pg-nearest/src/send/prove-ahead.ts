import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import { trusts } from '../freshness/statement-ending.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import type { Evidence } from '../route/failure-meaning.ts'
import type { Attempt } from '../route/plan-servers.ts'
import { positionQuestion, type PositionReply } from '../session-positions/position-question.ts'
import { ReplicaBehindError } from '../session-positions/replica-behind-error.ts'
import { runWithinAsync, type Cut } from './run-with-cancellation.ts'

/**
 * Has a connection prove that it shows what a read must show whose rows are handed on as they come: ahead of it, in a round trip of its
 * own, unless what it shows is known. `undefined`: it shows that.
 */
export async function proveAhead(
  check: FreshnessCheck,
  lease: Lease,
  attempt: Attempt,
  signal: AbortSignal | undefined,
): Promise<Evidence | Cut | undefined> {
  const questions = check.begin(lease, trusts(attempt), false, () => false)
  if (questions === undefined) return undefined
  if (questions instanceof ReplicaBehindError) return { kind: 'behind', error: questions }
  // The read would have to share a transaction with the question.
  if (questions.shared) return { kind: 'behind', error: check.behind(lease.server) }
  const limits = { signal, timeoutMs: undefined }
  lease.movable = true
  const end = await runWithinAsync<{ readonly kind: 'reply'; readonly reply: PositionReply }>(
    lease,
    limits,
    (onEnd) => lease.send(...positionQuestion(lease, questions, (reply) => onEnd({ kind: 'reply', reply }))),
    undefined,
  )
  lease.movable = false
  if (end.kind === 'cut') return end
  if (!lease.alive) return { kind: 'unsent', error: new Error('Connection terminated') }
  questions.answerBefore = end.reply
  const lacking = check.arrived(lease, questions)
  return lacking && { kind: 'behind', error: lacking }
}
