import { AsyncResource } from 'node:async_hooks'
import type { ServerConnections } from '../connections/server-connections-types.ts'

const EVERY_MS = 1_000

/** Sees to it that the servers which the next statements will go to have a connection ready. */
export interface SpareConnections {
  /** To be called when something has changed that decides which servers these are. */
  look(): void
  start(): void
  /** Those that are there are the connections' to close. */
  stop(): void
}

export function createSpareConnections(
  connections: ReadonlyMap<string, ServerConnections>,
  wanted: () => ReadonlySet<string>,
): SpareConnections {
  let timer: NodeJS.Timeout | undefined
  // What wakes a pool is a request, which the timer outlives.
  const context = new AsyncResource('pg-nearest')
  const look = (): void => {
    if (timer === undefined) return
    const names = wanted()
    for (const [name, at] of connections) at.keepSpare(names.has(name))
  }
  return {
    look,
    start() {
      timer ??= context.runInAsyncScope(() => setInterval(look, EVERY_MS)).unref()
    },
    stop() {
      clearInterval(timer)
      timer = undefined
    },
  }
}
