import pg from 'pg'
import type { BorrowedClient } from '../client/borrowed-client.ts'
import type { QueryCallback } from '../route/request.ts'

/**
 * Runs a cursor, a stream, a COPY or a `pg.Query` on a client of its own, which is released when it has ended: read to its end, failed, or
 * closed.
 *
 * @returns for a `pg.Query` a promise of its result, or `undefined` with a callback, as `pg.Pool` does; otherwise what was given, which tells its rows
 *   by itself.
 */
export function submitOnPool(
  client: BorrowedClient,
  query: pg.Submittable,
  callback: unknown,
  timeoutMs: number | undefined,
): unknown {
  const isQuery = query instanceof pg.Query
  const answer = isQuery && typeof callback !== 'function' ? answerOf(query as unknown as Called) : undefined
  const ended = client.submit(query, callback, timeoutMs).then(() => client.release())
  if (answer !== undefined) return ended.then(answer)
  return isQuery ? undefined : query
}

interface Called {
  callback?: QueryCallback | false | null | undefined
}

/** Its own callback, if it has one, is called as well. */
function answerOf(query: Called): () => unknown {
  const { callback } = query
  let answer: { readonly error: unknown; readonly result: unknown } | undefined
  query.callback = (error, result) => {
    answer = { error, result }
    if (callback) callback(error, result)
  }
  return () => {
    if (answer?.error !== null && answer?.error !== undefined) throw answer.error
    return answer?.result
  }
}
