/**
 * The servers behind a name, followed as they change.
 *
 * @module pg-nearest/dns
 */
export { dns } from './dns.ts'
export type { DnsOptions } from './dns.ts'
