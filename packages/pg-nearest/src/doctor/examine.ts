import { setTimeout as sleep } from 'node:timers/promises'
import { findingsOf, type Finding } from '../findings/findings.ts'
import type { NearestPoolOptions } from '../options/pool-options.ts'
import { createPool } from '../pool/create-pool.ts'
import type { NearestPool } from '../pool/nearest-pool.ts'
import type { ServerStatus, Status } from '../servers/status.ts'
import { askReplay } from './ask-replay.ts'

/** What a healthy replica lacks it has received long before. */
const STALLED_AFTER_MS = 1_500

const DIAL_MS = 2_000
/** With few of them, all that lead to one machine may happen to be made before the others. */
const DIALS = 6
/** So that none of them is given the connection of another. */
const HOLD = 'select pg_catalog.pg_sleep(0.1)'

export interface Examination {
  readonly status: Status
  readonly findings: readonly Finding[]
}

/** Looks at the servers as a pool with these options would. Ends its connections. */
export async function examine(options: NearestPoolOptions): Promise<Examination> {
  const pool = createPool({ ...options, stalledAfterMs: STALLED_AFTER_MS })
  try {
    const status = await look(pool)
    return { status, findings: findingsOf(status, await askReplay(pool, status)) }
  } finally {
    await pool.end()
  }
}

/** Lag can be computed only once the primary's position is known, and a stall only from one answer to the next. */
async function look(pool: NearestPool): Promise<Status> {
  await pool.refresh()
  await dialEach(pool)
  await pool.refresh()
  const status = await pool.refresh()
  if (!status.servers.some(mayBeLate)) return status
  await sleep(STALLED_AFTER_MS)
  return pool.refresh()
}

/** It lacks what the primary has, and has not shown yet what that had before. */
function mayBeLate({ stalledMs = 0, lagBytes = 0, stalenessMs }: ServerStatus): boolean {
  return stalledMs > 0 || (lagBytes > 0 && stalenessMs === undefined)
}

/** Several connections at once show whether a name leads to several machines. What fails the next probe tells. */
async function dialEach(pool: NearestPool): Promise<void> {
  const handles = [pool.primary, ...pool.replicas().values()]
  const asked = handles.flatMap((handle) =>
    Array.from({ length: DIALS }, () => handle.query({ text: HOLD, timeoutMs: DIAL_MS })),
  )
  await Promise.allSettled(asked)
}
