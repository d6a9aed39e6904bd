/**
 * Types for Kysely on a handle that only reads.
 *
 * @module pg-nearest/kysely
 */
export { readOnly } from './read-only.ts'
export type { KyselyLike, ReadOnlyKysely } from './read-only.ts'
