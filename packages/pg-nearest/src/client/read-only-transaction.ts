import { isRefusedByRecovery } from '../route/failure-meaning.ts'
import { planPrimary, type Attempt } from '../route/plan.ts'
import type { Request } from '../route/request.ts'
import { isSingle } from '../statement/text-predicates.ts'
import { StatementExchange } from '../wire/statement-exchange.ts'
import type { ClientContext } from './client-context.ts'
import { notHere } from './client-errors.ts'
import type { ClientState } from './client-state.ts'
import { takeConnection } from './take-connection.ts'
import { runPinned, stayHere } from './pinned-statement.ts'
import type { QueuedStatement, Serving } from './queued-statement.ts'

/** In a read-only transaction on a standby: what only the primary can answer moves the transaction there. */
export async function readInTransaction(
  client: ClientContext,
  statement: QueuedStatement,
  state: Extract<ClientState, { kind: 'reading' }>,
): Promise<Serving> {
  const { need } = statement
  if (state.failed || client.scope.readOnly || showsSetting(statement)) return stayHere(client, statement)
  if (!state.movable) return readWhereItIs(client, statement)
  if (need.class !== 'write' && need.class !== 'session') {
    const lease = client.held.here
    const ended = await runPinned(client, statement)
    if (ended.kind === 'serving') return ended.serving
    if (ended.cut) {
      if (ended.kind === 'lost') client.lose(ended.error)
      throw ended.error
    }
    if (ended.kind === 'refused' && !isRefusedByRecovery(ended.error)) throw ended.error
    if (ended.kind === 'lost') {
      const { server, generation } = lease
      client.engine.report({ server, generation, sign: 'lost', error: ended.error })
      client.held.letGo(true)
    }
  }
  await moveToPrimary(client, state.begin)
  return stayHere(client, statement)
}

/** SHOW tells of this transaction, wherever it is. */
function showsSetting({ request: { config } }: QueuedStatement): boolean {
  return typeof config.text === 'string' && isSingle(config.text) && /^\s*show\s/i.test(config.text)
}

/** Its snapshot, or a savepoint, would be lost elsewhere. */
async function readWhereItIs(client: ClientContext, statement: QueuedStatement): Promise<Serving> {
  const { server } = client.held.here
  if (statement.need.class === 'session') throw notHere(server)
  const serving = await stayHere(client, statement)
  // It was not refused, so it writes nothing: what it says is this server's, and the primary's was wanted.
  if (statement.need.class === 'write') throw notHere(server)
  return serving
}

async function moveToPrimary(client: ClientContext, { config, signal }: Request): Promise<void> {
  await client.held.rollBack()
  const attempts: readonly Attempt[] = planPrimary(client.engine.topology, 'transaction')
  await takeConnection(client, config.text, attempts, signal ?? client.signal, (lease, onEnd) => {
    lease.send(new StatementExchange(config, lease.client, onEnd))
  })
  client.state = { kind: 'transaction', stateful: false, readOnly: true }
}
