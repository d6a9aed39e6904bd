import type pg from 'pg'
import { ask } from '../wire/enqueue.ts'
import { adopt, PgQuery } from '../wire/pg-internals.ts'

/** Asks something of the pool's own, which is none of the statements that tracers want to know. */
export function askQuietly(client: pg.Client, config: pg.QueryConfig): Promise<pg.QueryResult | pg.QueryResult[]> {
  return new Promise((resolve, reject) => {
    const query = new PgQuery(config)
    query.callback = (error, result) => {
      if (error) reject(error)
      else resolve(result as pg.QueryResult)
    }
    adopt(query, client)
    ask(client, query)
  })
}
