import type pg from 'pg'
import { internalsOf, type QueryHandlers } from './pg-internals.ts'

/**
 * Puts a query into the queue of pg's client, as the client's own `query` does, which may be a borrower's or a tracer's.
 *
 * @returns whether it is in there; otherwise it will be told why not.
 */
export function enqueue(client: pg.Client, query: QueryHandlers): boolean {
  const internals = internalsOf(client)
  if (internals._queryable && !internals._ending) {
    internals._queryQueue.push(query)
    return true
  }
  const error = new Error('Client was closed and is not queryable')
  process.nextTick(() => query.handleError(error, internals.connection))
  return false
}

/** Sends it at once, unless others have asked something of the client. */
export function ask(client: pg.Client, query: QueryHandlers): void {
  if (enqueue(client, query)) internalsOf(client)._pulseQueryQueue()
}
