import { unlessAborted } from '../limits/unless-aborted.ts'
import { Lease, type LeaseHolder } from '../pooled-connection/lease.ts'

/** A connection that a client holds, while the reads of others are on it, too. */
export class LentHeldConnection implements LeaseHolder {
  /** What the others use. Once all are over it is released, and the connection is the client's alone. */
  readonly lent: Lease
  readonly #held: Lease
  readonly #over: Promise<void>
  #isOver = false
  #wantedSince: number | undefined

  constructor(held: Lease) {
    this.#held = held
    let end: () => void
    this.#over = new Promise((resolve) => (end = resolve))
    this.lent = held.lendOn(
      (connection, lender) =>
        new Lease(connection, {
          server: lender.server,
          maxUses: Number.POSITIVE_INFINITY,
          holder: this,
          probedRole: (machine) => lender.probedRole(machine),
          probedPooled: () => lender.probedPooled(),
          isSpent: (spent) => this.#wantedSince !== undefined || lender.isSpent(spent),
          isGivenUp: (left) => lender.isGivenUp(left),
          disablePipelining: () => lender.disablePipelining(),
          takeBack: () => {
            held.movable = false
            this.#isOver = true
            end()
          },
        }),
    )
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get wantedSince(): number | undefined {
    return this.#wantedSince
  }

  /**
   * Lets no more of others' reads onto it, and waits for those that are there, which run elsewhere if they take long.
   *
   * @throws the signal's reason.
   */
  async takeBack(signal: AbortSignal | undefined): Promise<void> {
    const held = this.#held
    this.#wantedSince ??= performance.now()
    await (signal === undefined ? this.#over : unlessAborted(this.#over, signal))
    // Nobody waits for what is left there.
    if (!held.quiet && held.alive) void held.cancel()
    await fenceOf(held, signal)
  }
}

/** Pending while a cancellation could hit what runs there next, unless the signal is aborted: then it rejects with its reason. */
export function fenceOf({ fence }: Lease, signal: AbortSignal | undefined): Promise<void> | undefined {
  return fence === undefined || signal === undefined ? fence : unlessAborted(fence, signal)
}
