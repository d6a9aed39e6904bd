/**
 * Spans and metrics of what runs on a pool.
 *
 * @module pg-nearest/opentelemetry
 */
export { instrument } from './instrument.ts'
export type { InstrumentOptions } from './options.ts'
