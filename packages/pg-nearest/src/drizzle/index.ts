/**
 * Types for Drizzle on what only reads.
 *
 * @module pg-nearest/drizzle
 */
export { readOnly, readOnlyTransaction } from './read-only.ts'
export type { DrizzleLike, ReadOnlyDrizzle, ReadOnlyTransactionOptions, TransactingDrizzle } from './read-only.ts'
