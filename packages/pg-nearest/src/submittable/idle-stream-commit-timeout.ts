import { NearestError } from '../errors.ts'
import type { HeldConnection } from '../client-state/held-connection.ts'
import type { Progress } from '../wire/exchange.ts'
import { limitWait } from '../exchange/limit-wait.ts'

const LEFT_OPEN_MS = 5_000

/**
 * For COMMIT, which waits behind a cursor, a stream or a COPY: calls back once that has waited for its user for five seconds without a
 * byte going either way. Waiting for the server does not count, however long that takes. Returns a function that ends the watch.
 */
export function watchLeftOpenStream(held: HeldConnection, onLeftOpen: (error: NearestError) => void): () => void {
  const look = (): Progress | undefined => held.lease?.progress
  return limitWait('user', LEFT_OPEN_MS, look, () => onLeftOpen(leftOpenError()))
}

function leftOpenError(): NearestError {
  return new NearestError(
    'NEAREST_STREAM_LEFT_OPEN',
    'The function of the transaction has ended and left a cursor, a stream or a COPY open that nobody has read or written for 5 s. COMMIT had to wait for it, so the transaction was rolled back: read it to its end, end it or close it before the function ends.',
  )
}
