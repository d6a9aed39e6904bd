/**
 * The instances of an Aurora cluster, followed as they change.
 *
 * @module pg-nearest/aurora
 */
export { aurora } from './aurora.ts'
export type { AuroraOptions } from './aurora.ts'
