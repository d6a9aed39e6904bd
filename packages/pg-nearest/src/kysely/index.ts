/**
 * Types for Kysely on what only reads.
 *
 * @module pg-nearest/kysely
 */
export { readOnly, readOnlyTransaction } from './read-only.ts'
export type { KyselyLike, ReadOnlyKysely, ReadOnlyTransactionBuilder, TransactingKysely } from './read-only.ts'
