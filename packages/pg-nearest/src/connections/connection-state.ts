/**
 * What a connection is doing.
 *
 * - `connecting`: being made, for the pool and not for whoever caused it.
 * - `idle`: the server awaits a statement, outside of a transaction; nobody has it.
 * - `busy`: it runs one statement of the pool's.
 * - `lent`: a borrowed client has it.
 * - `settling`: it was given back before the server had answered everything; it is waited for, within a bound.
 * - `closing`: nothing is sent on it any more. It counts against `max` until its socket is closed.
 * - `closed`
 */
export type ConnectionState = 'connecting' | 'idle' | 'busy' | 'lent' | 'settling' | 'closing' | 'closed'

/**
 * What happens to a connection.
 *
 * - `ready`: the server has said ReadyForQuery for the first time, and the hooks of the options are through.
 * - `run`: it was taken for one statement.
 * - `lend`: it was taken for a borrowed client.
 * - `return`: it was given back fit for the next one.
 * - `return-unsettled`: it was given back while something was in flight.
 * - `settled`: all is answered, and it is fit.
 * - `close`: it is not to be used again.
 * - `socket-closed`
 */
export type ConnectionSignal =
  'ready' | 'run' | 'lend' | 'return' | 'return-unsettled' | 'settled' | 'close' | 'socket-closed'

/** `undefined`: cannot happen. */
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

/** @throws Error for what cannot happen: a fault of this library's, and not of anybody who uses it. */
export function nextConnectionState(state: ConnectionState, signal: ConnectionSignal): ConnectionState {
  const next = transitions[state][signal]
  if (next === undefined) throw new Error(`A connection that is ${state} cannot take the signal ${signal}`)
  return next
}
