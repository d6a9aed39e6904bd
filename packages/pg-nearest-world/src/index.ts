export { startWorld } from './world.ts'
export { WorldError, type WorldErrorCode } from './world-error.ts'
export type { PostgresVersion } from './postgres-version.ts'
export type { Progress, RegionStatus, Rtt, UrlOptions, World, WorldOptions, WorldPoolOptions } from './world-types.ts'
