import pg from 'pg'
import type { BorrowedClient } from '../client/borrowed-client.ts'
import type { QueryCallback } from '../route/request.ts'

/**
 * Runs a cursor, a stream, a COPY or a `pg.Query` on a client of its own, which is released when it has ended: read to its end, failed, or
 * closed.
 *
 * @returns a promise of its result for a `pg.Query`, as `pg.Pool` does, and otherwise what was given, which tells its rows by itself.
 */
export function submitOnPool(
  client: BorrowedClient,
  query: pg.Submittable,
  callback: unknown,
  timeoutMs: number | undefined,
): unknown {
  const isPromised = query instanceof pg.Query && typeof callback !== 'function'
  const answer = isPromised ? answerOf(query as unknown as Called) : undefined
  const ended = client.submit(query, callback, timeoutMs).then(() => client.release())
  return answer === undefined ? query : ended.then(answer)
}

interface Called {
  callback?: QueryCallback | undefined
}

/** Its own callback, if it has one, is called as well. */
function answerOf(query: Called): () => unknown {
  const { callback } = query
  let answer: { readonly error: unknown; readonly result: unknown } | undefined
  query.callback = (error, result) => {
    answer = { error, result }
    callback?.(error, result)
  }
  return () => {
    if (answer?.error !== null && answer?.error !== undefined) throw answer.error
    return answer?.result
  }
}
