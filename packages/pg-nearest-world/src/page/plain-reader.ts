import pg from 'pg'
import { readOf } from '../chaos/registers.ts'

/** What one read through a plain pool to the primary takes, again and again: what an app has without pg-nearest. */
export interface PlainReader {
  /** The milliseconds of the reads since the last call; `undefined` for one that failed. */
  take(): readonly (number | undefined)[]
  stop(): Promise<void>
}

const EVERY_MS = 500
const PATIENCE_MS = 3_000

export function startPlainReader(url: string): PlainReader {
  const pool = new pg.Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: PATIENCE_MS,
    query_timeout: PATIENCE_MS,
  })
  pool.on('error', () => undefined)
  let taken: (number | undefined)[] = []
  let reading: Promise<void> | undefined
  const read = async (): Promise<void> => {
    const begun = performance.now()
    try {
      await pool.query(readOf([1]))
      taken.push(performance.now() - begun)
    } catch {
      taken.push(undefined)
    }
    reading = undefined
  }
  const timer = setInterval(() => {
    reading ??= read()
  }, EVERY_MS)
  return {
    take() {
      const all = taken
      taken = []
      return all
    },
    async stop() {
      clearInterval(timer)
      await reading
      await pool.end()
    },
  }
}
