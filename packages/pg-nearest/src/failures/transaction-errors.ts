import { isOutcomeUnknownError, NearestError } from '../errors.ts'

export function notBegunError(cause: unknown): NearestError {
  return new NearestError(
    'NEAREST_CONNECTION_LOST',
    'The transaction was not begun, or lost at its beginning, so that nothing of it has happened: roll it back, or release this client, and begin it again.',
    { cause },
  )
}

/** Its transaction must not be committed. */
export function mayCommitError(): NearestError {
  return new NearestError(
    'NEAREST_ROLLED_BACK',
    'This was not sent, because it may commit the transaction, of which a statement before it was never sent: the transaction can only be rolled back. Let that error throw, or use a savepoint.',
  )
}

/** What is told to whatever comes behind a statement that was lost with its connection: its own outcome is known. */
export function errorAfterLost(error: unknown): unknown {
  if (!isOutcomeUnknownError(error)) return error
  return new NearestError(
    'NEAREST_CONNECTION_LOST',
    'The connection was lost with a statement before this one, which was not run: release this client and take another.',
    { cause: error },
  )
}

/** It died while nothing of this client's was on its way. */
export function lostTransactionError(): NearestError {
  return new NearestError(
    'NEAREST_CONNECTION_LOST',
    'The connection was lost, and with it the transaction, which is rolled back, and what was set on it: release this client and take another.',
  )
}

/** What has been generated is asked of another connection, which would tell of somebody else's. */
export function leftValuesError(): NearestError {
  return new NearestError(
    'NEAREST_CONNECTION_LOST',
    'currval() and lastval() tell of the connection that has written, which this client has left or lost: take the values with RETURNING, or ask in the same transaction. Release this client and take another.',
  )
}

/** Somebody else takes the writes, or nobody does. */
export function isStandbyError(server: string): NearestError {
  return new NearestError(
    'NEAREST_NOT_HERE',
    `${server} was taken for the primary, and is a replica, so that a transaction that may write was not begun there.`,
  )
}

export function notHereError(server: string, cause?: unknown): NearestError {
  return new NearestError(
    'NEAREST_NOT_HERE',
    `This statement needs the primary, and its read-only transaction runs on ${server}: begin the transaction without READ ONLY, or on pool.primary.`,
    { cause },
  )
}

/** A server that gets no writes was asked to let a transaction write. */
export function staysReadOnlyError(server: string, cause: unknown): NearestError {
  return new NearestError(
    'NEAREST_NOT_HERE',
    `This transaction began READ ONLY on ${server}, which gets no writes (pool.status().problems says why), and cannot be made READ WRITE there: roll it back, and begin it without READ ONLY.`,
    { cause },
  )
}
