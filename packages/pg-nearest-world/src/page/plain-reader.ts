import { readOf } from '../chaos/registers.ts'
import { impatientPool } from './impatient-pool.ts'

/** What one read through a plain pool to the primary takes, again and again: what an app has without pg-nearest. */
export interface PlainReader {
  /** The milliseconds of the reads since the last call; `undefined` for one that failed. */
  take(): readonly (number | undefined)[]
  /** Begins to read; calling it again does nothing. */
  work(): void
  /** Reads no more, and closes its connection. */
  rest(): Promise<void>
}

const EVERY_MS = 500
const PATIENCE_MS = 3_000

export function createPlainReader(url: string): PlainReader {
  let taken: (number | undefined)[] = []
  let working: (() => Promise<void>) | undefined

  const begin = (): (() => Promise<void>) => {
    const pool = impatientPool(url, PATIENCE_MS)
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
    return async () => {
      clearInterval(timer)
      await reading
      await pool.end()
    }
  }

  return {
    take() {
      const all = taken
      taken = []
      return all
    },
    work() {
      working ??= begin()
    },
    async rest() {
      const end = working
      working = undefined
      await end?.()
    },
  }
}
