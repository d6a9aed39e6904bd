import { AsyncLocalStorage } from 'node:async_hooks'
import type { MiddlewareHandler } from 'hono'
import type { NearestPool, QueryEvent } from 'pg-nearest'
import type { ReplayEvent } from 'pg-nearest/http'
import type { Environment } from './environment.ts'
import { serverTiming } from './served.ts'

/** What is known of one request, so far. */
export interface RequestLog {
  readonly queries: readonly QueryEvent[]
  /** Where the request was to run, and how often it waited for the primary. Known once its handler is through. */
  readonly decision: ReplayEvent | undefined
}

export interface RequestLogs {
  /** Gives each request its log, and says in `Server-Timing` where its queries ran and how long they took. */
  readonly keep: MiddlewareHandler<Environment>
  /** For `replay` of `pg-nearest/hono`, which belongs inside. */
  readonly onDecision: (event: ReplayEvent) => void
}

export const createRequestLogs = (pool: NearestPool, region: string | undefined): RequestLogs => {
  const requests = new AsyncLocalStorage<{ queries: QueryEvent[]; decision: ReplayEvent | undefined }>()
  pool.on('query', (event) => requests.getStore()?.queries.push(event))

  return {
    onDecision: (event) => {
      const log = requests.getStore()
      if (log) log.decision = event
    },
    keep: async (c, next) => {
      const log = { queries: [], decision: undefined }
      c.set('region', region)
      c.set('log', log)
      await requests.run(log, next)
      if (log.queries.length > 0) c.header('Server-Timing', serverTiming(log.queries), { append: true })
    },
  }
}
