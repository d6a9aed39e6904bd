import { createEventRelay } from '../events/event-relay.ts'
import { NearestPool } from './nearest-pool.ts'
import { checkPgVersion } from '../options/check-pg-version.ts'
import { parsePoolOptions } from '../options/parse-pool-options.ts'
import type { NearestPoolOptions } from '../options/pool-options.ts'

/**
 * Makes a pool that reads from the nearest server and writes on the primary. It returns at once: connections are made on demand, and
 * a server that is down delays nothing that another one can do.
 *
 * @example
 * ```ts
 * import { createPool } from 'pg-nearest'
 *
 * const pool = createPool({
 *   region: 'ord',
 *   primary: { region: 'nrt', url: 'postgres://app@nrt.example.com/app' },
 *   replicas: { ord: 'postgres://app@ord.example.com/app' },
 * })
 * const { rows, servedBy } = await pool.query('select * from users')
 * ```
 *
 * @throws `NearestError` with code `NEAREST_OLD_PG` for a pg older than 8.23.
 * @throws `OptionError` for an option that is unknown or has a wrong value. Options are checked without connecting.
 */
export function createPool(options: NearestPoolOptions): NearestPool {
  checkPgVersion()
  const parsed = parsePoolOptions(options)
  const events = createEventRelay()
  const pool = new NearestPool(parsed, events)
  events.connectTo(pool)
  return pool
}
