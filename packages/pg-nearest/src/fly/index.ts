/**
 * The servers as the environment on Fly.io names them, or as its DNS does.
 *
 * @module pg-nearest/fly
 */
export { currentRegion } from './current-region.ts'
export { fly } from './fly.ts'
export type { FlyOptions } from './fly.ts'
export type { Environment } from '../discovery/parse-server-url.ts'
