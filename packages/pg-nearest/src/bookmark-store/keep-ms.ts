import { OptionError } from '../errors.ts'

const DEFAULT_MS = 60_000
const LEAST_MS = 1_000
const MOST_MS = 86_400_000

/**
 * How long bookmarks are kept.
 *
 * @throws OptionError for what is no number of milliseconds from a second to a day.
 */
export function parseKeepMs(keepMs: unknown = DEFAULT_MS): number {
  if (Number.isInteger(keepMs) && (keepMs as number) >= LEAST_MS && (keepMs as number) <= MOST_MS)
    return keepMs as number
  throw new OptionError('keepMs', `keepMs must be a whole number of milliseconds from ${LEAST_MS} to ${MOST_MS}.`)
}
