export { dns } from './dns.ts'
export type { DnsOptions } from './dns.ts'
