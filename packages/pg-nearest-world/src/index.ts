/**
 * A real multi-region PostgreSQL on this machine.
 *
 * @module pg-nearest-world
 */
export { startWorld } from './world.ts'
export { startDns } from './dns/start-dns.ts'
export { startEdge } from './edge/start-edge.ts'
export { WorldError, type WorldErrorCode } from './world-error.ts'
export type { DnsOptions, WorldDns } from './dns/start-dns.ts'
export type { ScriptedAnswer } from './dns/scripted-answer.ts'
export type { Record as DnsRecord } from './dns/dns-message.ts'
export type { Edge, EdgeOptions } from './edge/start-edge.ts'
export type { Instance as AppInstance } from './edge/choose-instances.ts'
export type { PostgresVersion } from './postgres-version.ts'
export type {
  Link,
  LinkOptions,
  ListenAddress,
  Progress,
  RegionStatus,
  Rtt,
  UrlOptions,
  World,
  WorldOptions,
  WorldPoolOptions,
} from './world-types.ts'
