import type { Lease } from '../pooled-connection/lease.ts'
import { internalsOf } from '../wire/pg-internals.ts'
import type { PreparedStatements } from '../prepared-statements/prepared-statements.ts'
import { statementsOn } from '../prepared-statements/statements-on.ts'

/** What lanes know of one connection, for as long as it lives. */
export interface LaneConnection {
  readonly statements: PreparedStatements
  /** No pooler is in between, and its transactions are READ COMMITTED. */
  isKnown: boolean
  /** The contrary. */
  isUnfit: boolean
  /** It has answered what was sent behind something unanswered. Some poolers forget that. */
  hasPipelined: boolean
}

const known = new WeakMap<object, LaneConnection>()

/**
 * `undefined`: it cannot be shared.
 *
 * @param prepareFrom - as of {@link PreparedStatements}.
 */
export function laneConnectionOf(lease: Lease, prepareFrom: number): LaneConnection | undefined {
  const { client, pooled, pipelines, quiet, status, fence } = lease
  if (pooled || !pipelines || !quiet || status !== 'I' || fence !== undefined || lease.isMarked) return undefined
  if (internalsOf(client).binary || !lease.readable) return undefined
  let connection = known.get(client)
  if (connection === undefined) {
    connection = {
      statements: statementsOn(client, prepareFrom),
      isKnown: false,
      isUnfit: false,
      hasPipelined: false,
    }
    known.set(client, connection)
  }
  return connection.isUnfit ? undefined : connection
}
