import type { Lease } from '../pooled-connection/lease.ts'
import type { Evidence } from '../route/failure-meaning.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import { isStandbyError } from '../failures/transaction-errors.ts'

/**
 * Gives up a transaction that may write, and of which nobody has seen anything yet, if its server turned out to be a standby: what it has
 * read there need not be what the primary shows, and what it writes is refused. To be asked once for each transaction, because what a
 * pooler says of its server may be out of date. `undefined`: it stays.
 */
export function abandonTransactionOnStandby(client: ClientContext, lease: Lease): Evidence | undefined {
  const { engine, keepsFromWriting } = client
  return engine.alone || keepsFromWriting || !lease.standby ? undefined : giveUpOnStandby(client, lease)
}

/** The connection is of no more use: its server was demoted. */
export function giveUpOnStandby({ held }: ClientContext, lease: Lease): Evidence {
  held.letGo(true)
  return { kind: 'standby', error: isStandbyError(lease.server) }
}
