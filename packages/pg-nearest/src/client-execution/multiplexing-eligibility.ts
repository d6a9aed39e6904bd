import type { ClientContext } from '../client-state/client-context.ts'
import { ownSession } from '../execute/engine-interface.ts'
import { sharingOf } from '../lane-rides/lane-ride.ts'
import { asksForPrimary } from '../route/plan-statement.ts'
import type { Request } from '../route/request.ts'

/**
 * Whether a statement of a client is one of the pool's: a read that may share a connection, while nothing binds the client to one of its own, and
 * no limit of its own holds. It costs what `pool.query` does then, and the client holds nothing meanwhile.
 */
export function mayMultiplex(client: ClientContext, request: Request): boolean {
  const { engine, held } = client
  if (engine.lanes === undefined || held.lease !== undefined) return false
  client.followMode(ownSession(engine, client.scope))
  const { scope } = client
  if (isLimited(client)) return false
  const { text } = request.config
  if (typeof text !== 'string' || asksForPrimary(scope, request)) return false
  const { need, learned } = engine.statements.needOf(text)
  if (learned || sharingOf(engine, READS, need, request.config) === undefined) return false
  client.noteLostReliance()
  return client.mayShare && engine.lanes.mayShare(text)
}

const READS = { reads: true }

function isLimited({ engine, scope, signal, avoid, neverWrites }: ClientContext): boolean {
  return signal !== undefined || avoid !== undefined || engine.timeoutMs !== undefined || neverWrites !== scope.readOnly
}
