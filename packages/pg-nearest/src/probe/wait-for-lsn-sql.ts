import { formatLsn } from '../topology/lsn.ts'

/** A position that somebody waits for, and for how long. */
export interface AwaitedPosition {
  readonly lsn: bigint
  readonly withinMs: number
}

/** The first major of PostgreSQL that has WAIT FOR LSN. */
const FIRST_MAJOR = 19
/** While a server waits, it answers nobody else on that connection. */
const LONGEST_MS = 20

/** @param version - as a server tells it, such as `19.1`, `19beta2` or `16.14 (Debian 16.14-1)`. */
export function canWaitForLsn(version: string | undefined): boolean {
  return Number.parseInt(version ?? '', 10) >= FIRST_MAJOR
}

/**
 * The statement that returns when a standby has replayed a position, or after some time. What it answers proves nothing, because it
 * does not look at timelines: the position is asked for behind it.
 *
 * @see https://www.postgresql.org/docs/19/sql-wait-for.html
 */
export function waitForLsn({ lsn, withinMs }: AwaitedPosition): string {
  // Without a limit, or with 0, it would wait for ever.
  const ms = Math.ceil(Math.min(LONGEST_MS, Math.max(1, withinMs)))
  return `WAIT FOR LSN '${formatLsn(lsn)}' WITH (TIMEOUT '${ms}ms', NO_THROW)`
}
