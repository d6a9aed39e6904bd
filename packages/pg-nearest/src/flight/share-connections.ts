import type { Preference } from '../checkout/preference.ts'
import type { Purpose } from '../checkout/wait-queue.ts'
import type { Engine } from '../execute/engine.ts'
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
  const acquire: Engine['acquire'] = (server, purpose, ofCall, preference) => {
    if (preference?.()?.insists === true) return engine.acquire(server, purpose, ofCall, preference)
    let known = sharedAt(server)
    if (known === undefined) shared.set(server, (known = connect(engine, server, purpose, signal, preference)))
    return known.joinLater()
  }
  return Object.create(engine, {
    take: { value: take },
    acquire: { value: acquire },
    budget: { value: oneToken(engine.budget) },
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

function connect(
  engine: Engine,
  server: string,
  purpose: Purpose,
  signal: AbortSignal | undefined,
  preference: (() => Preference | undefined) | undefined,
): SharedConnection {
  const acquired = engine.acquire(server, purpose, signal, preference)
  return new SharedConnection(acquired)
}

/** One connection, and how many use it. */
class SharedConnection {
  readonly #acquired: Promise<Lease>
  #lease: Lease | undefined
  #users = 0
  #cancelled: Promise<void> | undefined
  #over = false

  constructor(acquired: Promise<Lease>, lease?: Lease) {
    this.#acquired = acquired
    this.#lease = lease
    acquired.then(
      (made) => (this.#lease = made),
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
  async joinLater(): Promise<Lease> {
    this.#users++
    try {
      return this.#share(await this.#acquired)
    } finally {
      this.#users--
    }
  }

  #share(lease: Lease): Lease {
    this.#users++
    return lease.lendOn((connection, lender) => {
      const sharing: Sharing = {
        server: lender.server,
        probedRole: (machine) => lender.probedRole(machine),
        isSpent: (spent) => lender.isSpent(spent),
        disablePipelining: () => lender.disablePipelining(),
        cancelAll: () => (this.#cancelled ??= lease.cancel()),
        takeBack: (_connection: Connection, error) => this.#leave(lease, error),
      }
      return new SharedLease(connection, sharing)
    })
  }

  #leave(lease: Lease, error: Error | boolean | undefined): void {
    if (error) lease.doom()
    if (--this.#users > 0) return
    this.#over = true
    lease.release()
  }
}
