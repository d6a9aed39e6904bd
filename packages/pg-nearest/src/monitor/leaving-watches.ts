import type { ServerWatch } from '../server-watch/server-watch.ts'

/** Watches of servers that have left the list, as long as connections to them are in use: what is silent there must be given up, too. */
export interface LeavingWatches {
  add(watch: ServerWatch): void
  /** Returns whether there are any. */
  tick(now: number, listenedMs: number): boolean
  /** Ends all of them. */
  end(): void
}

export function createLeavingWatches(): LeavingWatches {
  const watches = new Set<ServerWatch>()
  const endUnused = (): void => {
    for (const watch of watches) if (watch.connections.total === 0 && watches.delete(watch)) watch.end()
  }
  return {
    add(watch) {
      // With one server after the other nothing ticks.
      endUnused()
      watch.leave()
      watches.add(watch)
    },
    tick(now, listenedMs) {
      endUnused()
      for (const watch of watches) watch.tick(now, listenedMs)
      return watches.size > 0
    },
    end() {
      for (const watch of watches) watch.end()
      watches.clear()
    },
  }
}
