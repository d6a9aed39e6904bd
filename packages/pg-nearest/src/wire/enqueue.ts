import type pg from 'pg'
import { adopt, internalsOf, PgQuery, type QueryHandlers } from './pg-internals.ts'

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

/** Asks something of the pool's own, which is none of the statements that tracers want to know. */
export function askQuietly(client: pg.Client, config: pg.QueryConfig): Promise<pg.QueryResult | pg.QueryResult[]> {
  return new Promise((resolve, reject) => {
    const query = new PgQuery(config)
    query.callback = (error, result) => {
      if (error) reject(error)
      else resolve(result as pg.QueryResult)
    }
    adopt(query, client)
    if (enqueue(client, query)) internalsOf(client)._pulseQueryQueue()
  })
}
