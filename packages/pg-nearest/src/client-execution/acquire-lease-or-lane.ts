import { SHARES } from '../checkout/wait-queue.ts'
import type { Acquire, Acquisition } from '../client-state/held-connection.ts'
import type { Engine } from '../execute/engine-interface.ts'
import type { Refusable } from '../limits/refusable.ts'

/** Takes connections of a pool for a borrowed client, one after the other. */
export class ClientAcquisition implements Acquisition {
  readonly #engine: Engine
  /** What was last waited for. */
  #waiter: Refusable | undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  readonly acquire: Acquire = async (server, signal, preference, mayMove, boarding) => {
    if (boarding?.join(false) === true) return undefined
    let lease = this.#engine.take(server, 'client', preference())
    if (lease === undefined) {
      if (boarding?.join(true) === true) return undefined
      const share = boarding && (() => boarding.joinNext())
      const wanted = { purpose: 'client', preference, mayMove, share, onWait: this.onWait } as const
      try {
        lease = await this.#engine.acquire(server, wanted, signal)
      } catch (error) {
        if (error === SHARES) return undefined
        throw error
      }
    }
    try {
      // In the same turn, so that the next one finds it.
      return boarding?.open(lease) === true ? undefined : lease
    } catch (error) {
      lease.release(true)
      throw error
    }
  }

  /** Nobody waits for anything any more. */
  abandon(reason: unknown): void {
    this.#waiter?.refuse(reason)
  }

  readonly onWait = (waiter: Refusable): void => {
    this.#waiter = waiter
  }
}
