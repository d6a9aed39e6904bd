import type { ServerStatus } from '../servers/status.ts'
import type { Examination } from './examination.ts'
import type { Place, PrimaryPlace } from './place.ts'

/** A server with something wrong, and what else is known that tells how it is mended. */
export interface Patient extends Pick<Examination, 'places' | 'machines'> {
  readonly server: ServerStatus
  readonly place: Place
  readonly servers: readonly ServerStatus[]
  readonly primary: PrimaryPlace
}
