import type { Connection } from '../pooled-connection/connection.ts'
import { Lease, type Lender } from '../pooled-connection/lease.ts'

/** How its users end what runs on a connection that several have at once. */
export interface Sharing extends Lender {
  /** For all of them, and once. */
  cancelAll(): Promise<void>
  /** One of them is sent. See {@link Lease.movable}. */
  noteMovable(movable: boolean): void
}

/** The right of one of several to use a connection. Nobody cancels there for himself alone, because that would hit his neighbours. */
export class SharedLease extends Lease {
  readonly #sharing: Sharing

  constructor(connection: Connection, sharing: Sharing) {
    super(connection, sharing)
    this.#sharing = sharing
  }

  override set movable(movable: boolean) {
    this.#sharing.noteMovable(movable)
  }

  /** What is his runs to its end. */
  override get quiet(): boolean {
    return true
  }

  override cancel(): Promise<void> {
    return this.#sharing.cancelAll()
  }
}
