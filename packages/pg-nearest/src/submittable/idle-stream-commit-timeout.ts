import { NearestError } from '../errors.ts'
import type { HeldConnection } from '../client-state/held-connection.ts'

const LOOK_MS = 500
const LOOKS = 10

/**
 * For COMMIT, which waits behind a cursor, a stream or a COPY: calls back once that has waited for its user for five seconds without a
 * byte going either way. Waiting for the server does not count, however long that takes. Returns a function that ends the watch.
 */
export function watchLeftOpenStream(held: HeldConnection, onLeftOpen: (error: NearestError) => void): () => void {
  let turn: number | undefined
  let looks = 0
  // Looks are counted, and not time: while this process was busy nobody could have read on.
  const timer = setInterval(() => {
    const now = held.lease?.usersTurn
    looks = now !== undefined && now === turn ? looks + 1 : 0
    turn = now
    if (looks === LOOKS) onLeftOpen(leftOpenError())
  }, LOOK_MS)
  return () => clearInterval(timer)
}

function leftOpenError(): NearestError {
  return new NearestError(
    'NEAREST_STREAM_LEFT_OPEN',
    'The function of the transaction has ended and left a cursor, a stream or a COPY open that nobody has read or written for 5 s. COMMIT had to wait for it, so the transaction was rolled back: read it to its end, end it or close it before the function ends.',
  )
}
