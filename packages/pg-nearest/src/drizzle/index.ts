/**
 * Types for Drizzle on a handle that only reads.
 *
 * @module pg-nearest/drizzle
 */
export { readOnly } from './read-only.ts'
export type { DrizzleLike, ReadOnlyDrizzle } from './read-only.ts'
