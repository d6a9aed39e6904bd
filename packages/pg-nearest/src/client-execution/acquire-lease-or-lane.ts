import { SHARES } from '../checkout/wait-queue.ts'
import type { Engine } from '../execute/engine-interface.ts'
import type { Acquire } from '../client-state/held-connection.ts'

/** Takes connections of a pool for a borrowed client. */
export function acquireForClient(engine: Engine): Acquire {
  return async (server, purpose, signal, preference, mayMove, boarding) => {
    if (boarding?.join(false) === true) return undefined
    let lease = engine.take(server, purpose, preference())
    if (lease === undefined) {
      if (boarding?.join(true) === true) return undefined
      const share = boarding && (() => boarding.joinNext())
      try {
        lease = await engine.acquire(server, purpose, signal, preference, mayMove, share)
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
}
