import type { QueryEvent } from 'pg-nearest'
import type { LatencySample } from 'pg-nearest-page'
import { median } from './median.ts'
import type { PageApp } from './page-app.ts'
import { isRead, readingFrom, withRead, type Read } from './reading-from.ts'

/** What an app's statements tell of it. */
export interface AppActivity {
  /** What they took since the last call, as medians. */
  sample(): LatencySample
}

export interface AppActivityOptions {
  readonly onQuery: (event: QueryEvent) => void
  /** With each read after which it is known where the app reads. */
  readonly onReading: (server: string) => void
}

export function followApp({ region, pool, plain }: PageApp, { onQuery, onReading }: AppActivityOptions): AppActivity {
  let latest: readonly Read[] = []
  let reads: number[] = []
  let writes: number[] = []
  pool.on('query', (event) => {
    onQuery(event)
    const { servedBy, durationMs } = event
    if (servedBy === undefined) return
    if (servedBy.reason === 'write') writes.push(durationMs)
    if (!isRead(servedBy.reason)) return
    reads.push(durationMs)
    latest = withRead(latest, servedBy)
    const server = readingFrom(latest)
    if (server !== undefined) onReading(server)
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
