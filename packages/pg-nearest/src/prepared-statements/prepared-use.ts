import type { WireConnection } from '../wire/pg-internals.ts'

/** One use of a statement that the server keeps under a name. */
export interface PreparedUse {
  readonly name: string
  /** Writes what must precede a Bind. */
  prepare(connection: WireConnection): void
  /** It has been bound, and runs. */
  bound(): void
  /** It could not be written, or the server has answered with an error: it may not be there any more. */
  refused(error: unknown): void
}
