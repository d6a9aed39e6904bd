/**
 * What a connection is doing.
 *
 * - `connecting`: being made. It belongs to the pool, not to the waiter that caused it.
 * - `idle`: unused, outside of a transaction, and ready for a statement.
 * - `busy`: running one statement of `pool.query`.
 * - `lent`: in the hands of a borrowed client.
 * - `settling`: returned before the server had answered everything. It has a second to do so.
 * - `closing`: being closed. It counts against `max` until its socket is closed.
 * - `closed`
 */
export type ConnectionState = 'connecting' | 'idle' | 'busy' | 'lent' | 'settling' | 'closing' | 'closed'

/**
 * What happens to a connection.
 *
 * - `ready`: the first ReadyForQuery has arrived, and `onConnect` has ended.
 * - `run`: taken for one statement.
 * - `lend`: taken for a borrowed client.
 * - `return`: returned in a state fit for the next user.
 * - `return-unsettled`: returned while something was in flight.
 * - `settled`: everything has been answered, and it is fit for the next user.
 * - `close`: it must not be used again.
 * - `socket-closed`
 */
export type ConnectionSignal =
  'ready' | 'run' | 'lend' | 'return' | 'return-unsettled' | 'settled' | 'close' | 'socket-closed'

/** `undefined`: it cannot happen. */
type Row = Readonly<Record<ConnectionSignal, ConnectionState | undefined>>

const NEVER: Row = {
  ready: undefined,
  run: undefined,
  lend: undefined,
  return: undefined,
  'return-unsettled': undefined,
  settled: undefined,
  close: 'closing',
  'socket-closed': 'closed',
}
const TAKEN: Row = { ...NEVER, return: 'idle', 'return-unsettled': 'settling' }

const transitions: Readonly<Record<ConnectionState, Row>> = {
  connecting: { ...NEVER, ready: 'idle' },
  idle: { ...NEVER, run: 'busy', lend: 'lent' },
  busy: TAKEN,
  lent: TAKEN,
  settling: { ...NEVER, settled: 'idle' },
  closing: NEVER,
  closed: { ...NEVER, close: 'closed', 'socket-closed': 'closed' },
}

/** @throws Error for a signal that cannot happen in this state: a bug in this library. */
export function nextConnectionState(state: ConnectionState, signal: ConnectionSignal): ConnectionState {
  const next = transitions[state][signal]
  if (next === undefined) throw new Error(`A connection that is ${state} cannot take the signal ${signal}`)
  return next
}
