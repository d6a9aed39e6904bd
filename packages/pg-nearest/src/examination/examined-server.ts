import type { ServerStatus } from '../servers/status.ts'
import type { Examination } from './examination-facts.ts'
import type { ServerLocation, PrimaryLocation } from './server-location.ts'

/** A server that was looked at, and what else is known that tells how it is mended. */
export interface ExaminedServer extends Pick<Examination, 'places' | 'machines'> {
  readonly server: ServerStatus
  readonly place: ServerLocation
  readonly servers: readonly ServerStatus[]
  readonly primary: PrimaryLocation
}
