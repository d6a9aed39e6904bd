export { patroni } from './patroni.ts'
export type { PatroniOptions } from './patroni.ts'
export type { PatroniMember } from './cluster-answer.ts'
