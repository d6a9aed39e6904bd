import pg from 'pg'
import { moduleClient } from './look-alike-client.ts'
import { unendablePool, type ModulePool } from './unendable-pool.ts'

/**
 * Makes a look-alike of the module `pg`, for libraries that take one and make their connections by themselves. Each `new Pool()` of it is this
 * pool, and each `new Client()` borrows a client of it from `connect()` to `end()`, whatever options they are made with: those of the pool
 * count, but for `types`. All else is pg's.
 *
 * Ending what the library has made ends nothing of the pool, because others may use it: end it by itself.
 *
 * @example
 * ```ts
 * import { createPool } from 'pg-nearest'
 * import { pgModule } from 'pg-nearest/pg-module'
 *
 * const pool = createPool({ primary: 'postgres://nrt.example.com/app', replicas: { ord: 'postgres://ord.example.com/app' } })
 * export const dialectModule = pgModule(pool) // new Sequelize({ dialect: 'postgres', dialectModule })
 * ```
 */
export function pgModule(pool: ModulePool): typeof pg {
  const view = unendablePool(pool)
  // Called with `new`: so what it returns is what has been made.
  const Pool = function Pool(): ModulePool {
    return view
  }
  Pool.prototype = pg.Pool.prototype as object
  return { ...pg, Pool: Pool as unknown as typeof pg.Pool, Client: moduleClient(pool) }
}
