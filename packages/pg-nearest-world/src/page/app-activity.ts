import type { QueryEvent } from 'pg-nearest'
import type { LatencySample } from 'pg-nearest-page'
import { median } from './median.ts'
import type { PageApp } from './page-app.ts'
import { isRead, movedTo, readingFrom, withRead, type Read } from './reading-from.ts'

/** What an app's statements tell of it. */
export interface AppActivity {
  /** What they took since the last call, as medians. */
  sample(): LatencySample
}

export interface AppActivityOptions {
  readonly onQuery: (event: QueryEvent) => void
  /** With each read after which it is known where the app reads. */
  readonly onReading: (server: string) => void
  /** Its pool has found something wrong, or lost a connection, as soon as it has. */
  readonly onTrouble: () => void
}

export function followApp(
  { region, pool, plain }: PageApp,
  { onQuery, onReading, onTrouble }: AppActivityOptions,
): AppActivity {
  let latest: readonly Read[] = []
  let readsFrom: string | undefined
  let reads: number[] = []
  let writes: number[] = []
  pool.on('problem', onTrouble)
  pool.on('error', onTrouble)
  pool.on('query', (event) => {
    onQuery(event)
    const { servedBy, durationMs } = event
    if (servedBy === undefined) return
    if (servedBy.reason === 'write') writes.push(durationMs)
    if (!isRead(servedBy.reason)) return
    reads.push(durationMs)
    const moved = readsFrom === servedBy.server ? undefined : movedTo(readsFrom, servedBy, pool.status().servers)
    latest = moved === undefined ? withRead(latest, servedBy) : []
    const server = moved ?? readingFrom(latest)
    if (server === undefined) return
    readsFrom = server
    onReading(server)
  })
  return {
    sample() {
      const taken = {
        region,
        nearest: median(reads),
        plain: median(plain.take().filter((ms) => ms !== undefined)),
        write: median(writes),
      }
      reads = []
      writes = []
      return taken
    },
  }
}
