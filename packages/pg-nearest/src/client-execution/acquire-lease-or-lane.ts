import { SHARES } from '../checkout/wait-queue.ts'
import type { Engine } from '../execute/engine-interface.ts'
import type { Acquire } from '../client-state/held-connection.ts'
import { joinSignals } from '../limits/joined-signal.ts'

/** Takes connections of a pool for a borrowed client, one after the other. */
export class ClientAcquisition {
  readonly #engine: Engine
  /** Made when there is something to wait for. */
  #wait: AbortController | undefined

  constructor(engine: Engine) {
    this.#engine = engine
  }

  readonly acquire: Acquire = async (server, purpose, signal, preference, mayMove, boarding) => {
    if (boarding?.join(false) === true) return undefined
    let lease = this.#engine.take(server, purpose, preference())
    if (lease === undefined) {
      if (boarding?.join(true) === true) return undefined
      const share = boarding && (() => boarding.joinNext())
      this.#wait = new AbortController()
      const ends = joinSignals(signal, this.#wait.signal)
      try {
        lease = await this.#engine.acquire(server, purpose, ends.signal, preference, mayMove, share)
      } catch (error) {
        if (error === SHARES) return undefined
        throw error
      } finally {
        ends.forget()
        this.#wait = undefined
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

  /** Nobody waits for a connection any more. */
  abandon(reason: unknown): void {
    this.#wait?.abort(reason)
  }
}
