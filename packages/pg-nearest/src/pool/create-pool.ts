import { createEventRelay } from '../events/event-relay.ts'
import { NearestPool } from './nearest-pool.ts'
import { parsePoolOptions } from './parse-pool-options.ts'
import type { NearestPoolOptions } from './pool-options.ts'

/**
 * Makes a pool that reads from the nearest server and writes on the primary. It returns at once: connections are made
 * when they are needed, and a server that is down stops nothing that another one can do.
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
 * @throws `OptionError` for an option that is unknown or cannot be used. It connects to nothing to find out.
 */
export function createPool(options: NearestPoolOptions): NearestPool {
  const parsed = parsePoolOptions(options)
  const events = createEventRelay()
  const pool = new NearestPool(parsed, events)
  events.connectTo(pool)
  return pool
}
