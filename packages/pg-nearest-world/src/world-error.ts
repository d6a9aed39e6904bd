/**
 * What can go wrong in a world, by a code that stays the same between releases.
 *
 * | code | meaning |
 * | --- | --- |
 * | `WORLD_BAD_OPTION` | an option or an argument has a wrong value |
 * | `WORLD_UNKNOWN_REGION` | a region was named that is not in this world, or whose distance is not known |
 * | `WORLD_WRONG_STATE` | the server is not in a state for this: a dead server cannot be paused, a primary cannot be promoted |
 * | `WORLD_NO_POSTGRES` | there are no PostgreSQL binaries that run here |
 * | `WORLD_SERVER_FAILED` | a server did not start, or did not do as it was told; the message ends with its own output |
 * | `WORLD_STOPPED` | the world was stopped |
 */
export type WorldErrorCode =
  | 'WORLD_BAD_OPTION'
  | 'WORLD_UNKNOWN_REGION'
  | 'WORLD_WRONG_STATE'
  | 'WORLD_NO_POSTGRES'
  | 'WORLD_SERVER_FAILED'
  | 'WORLD_STOPPED'

/** Everything that pg-nearest-world throws itself: a stable code, and a sentence that says what to do. */
export class WorldError extends Error {
  override readonly name = 'WorldError'
  readonly code: WorldErrorCode

  constructor(code: WorldErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

export function portInUse(port: number): WorldError {
  return new WorldError('WORLD_SERVER_FAILED', `Port ${port} is in use: name another one as the first of the ports.`)
}
