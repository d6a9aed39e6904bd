import Dialect from 'knex/lib/dialects/postgres/index.js'
import { pgModule } from 'pg-nearest/pg-module'

/** Knex's dialect for PostgreSQL, on a pool: what the page about it shows. */
export function nearestDialect(pool) {
  const pg = pgModule(pool)
  return class NearestDialect extends Dialect {
    _driver() {
      return pg
    }
  }
}
