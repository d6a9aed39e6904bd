import { metrics, trace } from '@opentelemetry/api'
import { OptionError } from '../errors.ts'
import { publicAddressesOf } from '../servers/public-addresses.ts'
import type { NearestPool } from '../pool/nearest-pool.ts'
import { checkInstrumentOptions, type InstrumentOptions } from './options.ts'
import { createQueryInstruments } from './query-instruments.ts'
import { startQueryTelemetry } from './query-telemetry.ts'
import { startServerTelemetry } from './server-telemetry.ts'

const NAME = 'pg-nearest'

/**
 * Reports to OpenTelemetry everything that runs on a pool and on its handles, sessions and clients: a span for each
 * statement, by the conventions for database clients, and metrics of statements, connections and servers. The span begins
 * with the call, its parent is the caller's active span, and it ends with the result.
 *
 * Costs what the SDK costs, for each statement; once stopped, nothing. It asks no server.
 *
 * @example
 * ```ts
 * import { createPool } from 'pg-nearest'
 * import { instrument } from 'pg-nearest/opentelemetry'
 *
 * const pool = createPool({ primary: 'postgres://localhost/app' })
 * const stop = instrument(pool)
 * await pool.query('select * from users where id = $1', [1]) // a span "SELECT users"
 * stop()
 * ```
 *
 * @returns a function that stops it, also at the end of a `using` block. Statements already running are still reported.
 * @throws OptionError for a pool that `createPool` did not make, and for options that cannot be used.
 */
export function instrument(pool: NearestPool, options: InstrumentOptions = {}): (() => void) & Disposable {
  const addresses = publicAddressesOf(pool)
  if (addresses === undefined) throw new OptionError('pool', 'pool must be what createPool returns, not a part of it.')
  checkInstrumentOptions(options)
  const { tracerProvider = trace.getTracerProvider(), meterProvider = metrics.getMeterProvider() } = options
  const meter = meterProvider.getMeter(NAME)
  const stopServers = startServerTelemetry(pool, addresses, meter)
  const stopQueries = startQueryTelemetry({
    pool,
    addresses,
    tracer: tracerProvider.getTracer(NAME),
    instruments: createQueryInstruments(meter),
    statementText: options.statementText,
  })
  const stop = (): void => {
    stopQueries()
    stopServers()
  }
  return Object.assign(stop, { [Symbol.dispose]: stop })
}
