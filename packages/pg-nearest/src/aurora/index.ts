export { aurora } from './aurora.ts'
export type { AuroraOptions } from './aurora.ts'
