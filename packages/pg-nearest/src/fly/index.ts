export { currentRegion } from './current-region.ts'
export { fly } from './fly.ts'
export type { FlyOptions } from './fly.ts'
export type { Environment } from '../discovery/parse-server-url.ts'
