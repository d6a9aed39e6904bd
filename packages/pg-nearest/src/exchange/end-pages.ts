import pg from 'pg'
import { ignore, type QueryInternals, type WireConnection } from '../wire/pg-internals.ts'

/**
 * pg sends Sync behind the last page of a query only. Returns a function to call whenever one that has not come so far goes no further: its server
 * waits for Sync.
 */
export function endPages(query: Partial<QueryInternals>): (connection: WireConnection) => void {
  if (!(query instanceof pg.Query) || !query.rows) return ignore
  const { handleCommandComplete: complete } = query
  let isSynced = false
  query.handleCommandComplete = (...args) => {
    isSynced = true
    complete?.apply(query, args)
  }
  return (connection) => {
    if (!isSynced) connection.sync()
    isSynced = true
  }
}
