import { codeOf } from '../driver-errors.ts'
import { causesOf } from '../errors.ts'
import { backoffMs, sleep } from '../limits/retry-backoff.ts'

const BACKOFF = { first: 10, longest: 1_000 }

/** serialization_failure, deadlock_detected, and a connection that died before COMMIT. */
const WORTH_IT: ReadonlySet<unknown> = new Set(['40001', '40P01', 'NEAREST_CONNECTION_LOST'])
/** It may have been committed, or was. */
const NEVER: ReadonlySet<unknown> = new Set(['08007', 'NEAREST_COMMITTED'])

/** Whether the transaction was rolled back and may succeed if it is run again from its beginning. */
export function isRetryable(error: unknown): boolean {
  const codes = [...causesOf(error)].map(codeOf)
  return !codes.some((code) => NEVER.has(code)) && codes.some((code) => WORTH_IT.has(code))
}

/**
 * Runs `work`, and again up to `retries` times while its error is {@link isRetryable}.
 *
 * @param work - calls what it is given when nothing of what it throws from then on is a reason to run it again.
 */
export async function withRetries<T>(
  retries: number,
  signal: AbortSignal | undefined,
  work: (forbidRetry: () => void) => Promise<T>,
): Promise<T> {
  let isFinal = false
  const forbidRetry = (): void => void (isFinal = true)
  for (let failures = 1; ; failures++) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one after the other on purpose
      return await work(forbidRetry)
    } catch (error) {
      if (isFinal || failures > retries || signal?.aborted === true || !isRetryable(error)) throw error
      // oxlint-disable-next-line no-await-in-loop -- as above
      await sleep(backoffMs(BACKOFF, failures, Math.random), signal)
      signal?.throwIfAborted()
    }
  }
}
