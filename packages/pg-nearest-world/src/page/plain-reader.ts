import { readOf } from '../chaos/registers.ts'
import { impatientPool } from './impatient-pool.ts'
import { repeat } from './repeat.ts'

/** What one read through a plain pool to the primary takes, again and again: what an app has without pg-nearest. */
export interface PlainReader {
  /** The milliseconds of the reads since the last call; `undefined` for one that failed. */
  take(): readonly (number | undefined)[]
  /** Reads no more, and closes its connection. */
  stop(): Promise<void>
}

const EVERY_MS = 500
const PATIENCE_MS = 3_000

export function startPlainReader(url: string, takesTurn: () => boolean): PlainReader {
  const pool = impatientPool(url, PATIENCE_MS)
  let taken: (number | undefined)[] = []
  const read = async (): Promise<void> => {
    const begun = performance.now()
    try {
      await pool.query(readOf([1]))
      taken.push(performance.now() - begun)
    } catch {
      taken.push(undefined)
    }
  }
  const stopReading = repeat(EVERY_MS, read, takesTurn)
  return {
    take() {
      const all = taken
      taken = []
      return all
    },
    async stop() {
      await stopReading()
      await pool.end()
    },
  }
}
