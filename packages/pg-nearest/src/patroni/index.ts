/**
 * The members of a Patroni cluster, followed as they change.
 *
 * @module pg-nearest/patroni
 */
export { patroni } from './patroni.ts'
export type { PatroniOptions } from './patroni.ts'
export type { PatroniMember } from './cluster-answer.ts'
