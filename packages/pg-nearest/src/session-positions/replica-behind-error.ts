import { NearestError } from '../errors.ts'

interface Missing {
  readonly machine: string
  readonly lsn: bigint
  readonly bytes: bigint
}

/** A server lacks something that a read must show. The read is tried on the next server. */
export class ReplicaBehindError extends NearestError {
  override readonly name = 'ReplicaBehindError'
  readonly server: string
  readonly #missing: Missing | undefined

  constructor(server: string, missing?: Missing) {
    super(
      'NEAREST_BEHIND',
      `${server} does not show yet what this session has written or seen: try again, or read with consistency: 'eventual'.`,
    )
    this.server = server
    this.#missing = missing
  }

  /** How far it is behind, if waiting may help. Not a property of its own: an app may log it as JSON, which knows no bigint. */
  get missing(): Missing | undefined {
    return this.#missing
  }
}
