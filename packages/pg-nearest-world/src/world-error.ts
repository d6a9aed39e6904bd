/**
 * What can go wrong in a world, by a code that stays the same between releases.
 *
 * | code | meaning |
 * | --- | --- |
 * | `WORLD_BAD_OPTION` | an option or an argument has a wrong value |
 * | `WORLD_UNKNOWN_REGION` | a region was named that is not in this world, or whose distance is not known |
 */
export type WorldErrorCode = 'WORLD_BAD_OPTION' | 'WORLD_UNKNOWN_REGION'

/** Everything that pg-nearest-world throws itself: a stable code, and a sentence that says what to do. */
export class WorldError extends Error {
  override readonly name = 'WorldError'
  readonly code: WorldErrorCode

  constructor(code: WorldErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
