import type { ServerWatch } from '../server-watch/server-watch.ts'

/** Watches of servers that have left the list, as long as connections to them are in use: what is silent there must be given up, too. */
export interface LeavingWatches {
  add(watch: ServerWatch): void
  tick(now: number, listenedMs: number): void
  /** Ends all of them. */
  end(): void
}

export function createLeavingWatches(): LeavingWatches {
  const watches = new Set<ServerWatch>()
  return {
    add(watch) {
      watch.leave()
      watches.add(watch)
    },
    tick(now, listenedMs) {
      for (const watch of watches) {
        if (watch.connections.total > 0) watch.tick(now, listenedMs)
        else if (watches.delete(watch)) watch.end()
      }
    },
    end() {
      for (const watch of watches) watch.end()
      watches.clear()
    },
  }
}
