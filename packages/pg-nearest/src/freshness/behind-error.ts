import { NearestError } from '../errors.ts'

/** A server does not show what a read must show. The read goes on to the next one. */
export class BehindError extends NearestError {
  override readonly name = 'BehindError'
  readonly server: string
  /** How far, if waiting for it may help. */
  readonly missing: { readonly lsn: bigint; readonly bytes: bigint } | undefined

  constructor(server: string, missing?: { readonly lsn: bigint; readonly bytes: bigint }) {
    super(
      'NEAREST_BEHIND',
      `${server} does not show yet what this session has written or seen: try again, or read with consistency: 'eventual'.`,
    )
    this.server = server
    this.missing = missing
  }
}
