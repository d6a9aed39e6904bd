import type { Engine } from '../execute/engine-interface.ts'
import { unlessAborted } from '../limits/unless-aborted.ts'
import type { Connection } from '../pooled-connection/connection.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { SharedLease, type Sharing } from './shared-lease.ts'

/**
 * An engine for statements that are given at once: those for one server are sent on one connection, in the order in which they are given,
 * and none waits for the answer to another. Each is walked as if it were alone, so that what fails of it is its own. Who comes when all are
 * over, or when the connection has died, takes one of his own.
 *
 * @param signal - aborting it ends them all.
 */
export function shareConnections(engine: Engine, signal: AbortSignal | undefined): Engine {
  // One that may be cancelled alone shares with nobody.
  if (engine.queryTimeoutMs !== undefined) return engine
  const shared = new Map<string, SharedConnection>()
  const sharedAt = (server: string): SharedConnection | undefined => {
    const known = shared.get(server)
    return known?.over === true ? undefined : known
  }
  const take: Engine['take'] = (server, purpose, preference) => {
    if (preference?.insists === true) return engine.take(server, purpose, preference)
    const known = sharedAt(server)
    if (known !== undefined) return known.join()
    const lease = engine.take(server, purpose, preference)
    if (lease === undefined) return undefined
    const taken = new SharedConnection(Promise.resolve(lease), lease)
    shared.set(server, taken)
    return taken.join()
  }
  const acquire: Engine['acquire'] = (server, wanted, ofCall) => {
    const { purpose, preference } = wanted
    if (preference?.()?.insists === true) return engine.acquire(server, wanted, ofCall)
    let known = sharedAt(server)
    if (known === undefined) {
      // Not all who join it can go elsewhere.
      known = new SharedConnection(engine.acquire(server, { purpose, preference }, signal))
      shared.set(server, known)
    }
    return known.joinLater(ofCall)
  }
  return Object.create(engine, {
    take: { value: take },
    acquire: { value: acquire },
    budget: { value: oneToken(engine.budget) },
    // They are sent at once, so that none is sent behind the answer to another.
    eachWriteAsks: { value: true },
    // They share one already.
    lanes: { value: undefined },
    // One that is refused for its name would be sent again behind what was sent behind it.
    prepareFrom: { value: undefined },
    // The leg that loses is cancelled, and its neighbours would be with it.
    hedging: { value: undefined },
    // All else is the engine's own, and asked there each time.
  }) as Engine
}

/** A connection that dies with many on it is one loss. */
function oneToken(budget: Engine['budget']): Engine['budget'] {
  let granted = false
  return {
    ...budget,
    withdraw(why = 'loss') {
      if (why === 'loss' && granted) return true
      const isGranted = budget.withdraw(why)
      if (why === 'loss') granted = isGranted
      return isGranted
    },
  }
}

/** One connection, and how many use it. */
class SharedConnection {
  readonly #acquired: Promise<Lease>
  #lease: Lease | undefined
  #users = 0
  #cancelled: Promise<void> | undefined
  #over = false
  #movable = true

  constructor(acquired: Promise<Lease>, lease?: Lease) {
    this.#acquired = acquired
    this.#lease = lease
    acquired.then(
      (made) => {
        this.#lease = made
        if (lease === undefined) this.#endIfUnused()
      },
      () => (this.#over = true),
    )
  }

  /** Nobody can join any more. */
  get over(): boolean {
    return this.#over || this.#lease?.alive === false || this.#cancelled !== undefined
  }

  /** `undefined`: it is still being made. */
  join(): Lease | undefined {
    return this.#lease && this.#share(this.#lease)
  }

  /** In the order of the calls. */
  async joinLater(signal: AbortSignal | undefined): Promise<Lease> {
    this.#users++
    try {
      return this.#share(await (signal === undefined ? this.#acquired : unlessAborted(this.#acquired, signal)))
    } finally {
      this.#leave()
    }
  }

  #share(lease: Lease): Lease {
    this.#users++
    return lease.lendOn((connection, lender) => {
      const sharing: Sharing = {
        server: lender.server,
        maxUses: lender.maxUses,
        probedRole: (machine) => lender.probedRole(machine),
        probedPooled: () => lender.probedPooled(),
        isSpent: (spent) => lender.isSpent(spent),
        isGivenUp: (left) => lender.isGivenUp(left),
        disablePipelining: () => lender.disablePipelining(),
        cancelAll: () => (this.#cancelled ??= lease.cancel()),
        noteMovable: (movable) => {
          // A write among them would be cut as early as a read.
          lease.movable = this.#movable &&= movable
        },
        takeBack: (_connection: Connection, error) => {
          if (error) lease.doom()
          this.#leave()
        },
      }
      return new SharedLease(connection, sharing)
    })
  }

  #leave(): void {
    this.#users--
    this.#endIfUnused()
  }

  /** Also when all who waited for it have been aborted. */
  #endIfUnused(): void {
    if (this.#users > 0 || this.#lease === undefined || this.#over) return
    this.#over = true
    this.#lease.release()
  }
}
