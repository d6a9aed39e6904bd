import type { Lease } from '../pooled-connection/lease.ts'
import { provesWrite, type Evidence } from '../route/failure-meaning.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import { loseConnection } from './lose-connection.ts'
import type { QueuedStatement, Serving } from '../client-state/queued-statement.ts'

/** How a pinned statement ended. `lost`: the connection died. `cut`: by the caller's limit. */
export type PinnedEnd =
  | { readonly kind: 'serving'; readonly serving: Serving }
  | { readonly kind: 'refused'; readonly error: unknown; readonly evidence: Evidence; readonly cut: false }
  | { readonly kind: 'refused'; readonly error: unknown; readonly cut: true }
  | { readonly kind: 'lost'; readonly error: unknown; readonly cut: boolean; readonly sent: boolean }

/** Runs a statement on the held connection. The caller decides what to do if that is lost. */
export async function runPinned(client: ClientContext, statement: QueuedStatement): Promise<PinnedEnd> {
  const lease = client.held.here
  const { pinnedBy } = client
  const { check, request } = statement
  const enforcement = client.enforcementOf(statement, false)
  const { end, open } = await client.send(statement, lease, {
    config: request.config,
    enforcement,
    trust: 'trust',
    check,
    reads: false,
  })
  switch (end.kind) {
    case 'result': {
      client.settle(statement, open, false)
      const servedBy = client.servedBy(lease.server, lease.standby ? 'replica' : 'primary', pinnedBy, 1)
      return { kind: 'serving', serving: { result: end.result, servedBy } }
    }
    case 'answered':
      // Behind a pooler no connection tells that its server was demoted, so the next transaction must not begin there.
      if (mayWrite(client) && provesWrite(end.error)) {
        client.engine.report({ server: lease.server, generation: lease.generation, sign: 'role', error: end.error })
        // Or whoever had the connection before may have left it READ ONLY.
        lease.doom()
      }
      client.settle(statement, open, true)
      return { kind: 'refused', error: end.error, evidence: end, cut: false }
    case 'unreadable':
      client.settle(statement, open, lease.status === 'E')
      return { kind: 'refused', error: end.error, evidence: end, cut: false }
    case 'unsendable':
    case 'behind':
    case 'standby':
    case 'misled':
    case 'no-connection':
      // Of a value that cannot be bound pg tells when it has sent the text, which may be wrong. Of all else the server has heard nothing.
      if (end.kind !== 'unsendable' || lease.status === 'E') client.settle(statement, open, lease.status === 'E')
      return { kind: 'refused', error: end.error, evidence: end, cut: false }
    case 'cut':
      if (!lease.alive) return { kind: 'lost', error: end.error, cut: true, sent: true }
      client.settle(statement, open, true)
      return { kind: 'refused', error: end.error, cut: true }
    case 'unsent':
    case 'lost':
      return { kind: 'lost', error: end.error, cut: false, sent: end.kind === 'lost' }
  }
}

function mayWrite({ state, keepsFromWriting }: ClientContext): boolean {
  return state.kind === 'transaction' && !state.readOnly && !keepsFromWriting
}

/** As {@link runPinned}, but if the connection is lost, the client runs nothing more until its release. */
export async function runPinnedOrLose(client: ClientContext, statement: QueuedStatement): Promise<Serving> {
  const lease = client.held.here
  const open = client.held.open
  return servingOrLose(client, statement, { lease, open }, await runPinned(client, statement))
}

/** The connection that a statement was sent on, and whether a transaction was open then. */
interface SentOn {
  readonly lease: Lease
  readonly open: boolean
}

/** Hands on how it ended; if the connection was lost, the client runs nothing more until its release. */
export function servingOrLose(
  client: ClientContext,
  statement: QueuedStatement,
  { lease, open }: SentOn,
  ended: PinnedEnd,
): Serving {
  if (ended.kind === 'serving') return ended.serving
  if (ended.kind === 'refused') throw ended.error
  const { request, need, check } = statement
  const lost = { text: request.config.text, need, check, open, sent: ended.sent, cause: ended.error }
  const error = loseConnection(client, lease, lost)
  throw ended.cut ? ended.error : error
}
