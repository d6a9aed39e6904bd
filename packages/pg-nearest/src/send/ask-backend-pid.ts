import { InternalQueryExchange, type Fields } from '../exchange/internal-query-exchange.ts'
import type { StallAwareTimer } from '../limits/stall-aware-timeout.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import type { Exchange, StatementEnd } from '../wire/exchange.ts'

const QUESTION = 'select pg_catalog.pg_backend_pid()'

/**
 * Asks which process answers, right behind a statement, and with the same trip: whether a pooler is in between. Once for each connection.
 *
 * @param onEnd - called when both were answered. Some poolers swallow what is sent behind something unanswered.
 */
export function askBackendBehind(
  lease: Lease,
  statementOf: (onEnd: (end: StatementEnd) => void) => Exchange,
  onEnd: (end: StatementEnd) => void,
): Exchange[] {
  let ended: StatementEnd | undefined
  let isAnswered = false
  let timer: StallAwareTimer | undefined
  const landed = (): void => {
    if (ended === undefined || !isAnswered) return
    timer?.stop()
    onEnd(ended)
  }
  const statement = statementOf((end) => {
    ended = end
    if (!isAnswered) timer = lease.awaitPosition()
    landed()
  })
  const answered = (fields: Fields | undefined, error: unknown): void => {
    isAnswered = true
    const backend = Number(fields?.[0])
    if (fields !== undefined) lease.noteBackend(backend)
    else if (error !== undefined) lease.noteBackend(undefined)
    landed()
  }
  return [statement, new InternalQueryExchange(QUESTION, answered, [statement])]
}
