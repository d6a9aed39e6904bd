import { onAbort } from '../limits/on-abort.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import type { QueuedStatement } from '../client-state/queued-statement.ts'
import type { StatementQueue, Turn } from './statement-queue.ts'

/** Takes a statement out of the queue when its caller's signal or `query_timeout` ends it before its turn. */
export function limitTimeInQueue(
  queue: StatementQueue<QueuedStatement & Turn>,
  statement: QueuedStatement & Turn,
  { completeness }: Pick<ClientContext, 'completeness'>,
): void {
  const { signal } = statement.request
  const { queryTimeoutMs } = statement
  if ((signal === undefined && queryTimeoutMs === undefined) || !queue.has(statement)) return
  const leave = (reason: unknown): void => {
    if (!queue.has(statement)) return
    // Ahead of its removal, which makes way for the next one.
    completeness.noteUnsentAheadOfTurn(queue.ahead(statement).map(({ need }) => need))
    queue.remove(statement)
    statement.fail(reason)
  }
  if (signal?.aborted === true) return leave(signal.reason)
  const forget = signal && onAbort(signal, () => leave(signal.reason))
  // pg's own message.
  const timer = queryTimeoutMs && setTimeout(() => leave(new Error('Query read timeout')), queryTimeoutMs)
  statement.onLeft = () => {
    clearTimeout(timer)
    forget?.()
  }
}

/**
 * In the place of a statement: a cursor, a stream or a COPY, which tells by itself how it ended.
 *
 * @param limit - aborted when it has waited for too long.
 */
export function placeInQueue(
  given: Pick<QueuedStatement, 'signal' | 'own' | 'guard' | 'fail'>,
  limit: AbortSignal | undefined,
): QueuedStatement {
  const request = { config: { text: '' }, signal: limit }
  const need = { class: 'session' } as const
  return { ...given, request, need, givenAt: 0, queryTimeoutMs: undefined, check: undefined, settle: () => undefined }
}
