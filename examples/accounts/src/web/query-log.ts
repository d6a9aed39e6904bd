import { AsyncLocalStorage } from 'node:async_hooks'
import type { MiddlewareHandler } from 'hono'
import type { NearestPool, QueryEvent } from 'pg-nearest'
import type { Environment } from './environment.ts'
import { serverTiming } from './served.ts'

/** Gives each request the list of its own queries, and says in `Server-Timing` where they ran and how long they took. */
export const queryLog = (pool: NearestPool, region: string | undefined): MiddlewareHandler<Environment> => {
  const requests = new AsyncLocalStorage<QueryEvent[]>()
  pool.on('query', (event) => requests.getStore()?.push(event))

  return async (c, next) => {
    const queries: QueryEvent[] = []
    c.set('region', region)
    c.set('queries', queries)
    await requests.run(queries, next)
    if (queries.length > 0) c.header('Server-Timing', serverTiming(queries))
  }
}
