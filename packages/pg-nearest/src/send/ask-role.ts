import type pg from 'pg'
import type { Lease } from '../pooled-connection/lease.ts'
import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import type { Evidence } from '../route/failure-meaning.ts'
import { ReplicaBehindError } from '../session-positions/replica-behind-error.ts'
import type { StatementEnd } from '../wire/exchange.ts'
import type { DataRow, WireConnection } from '../wire/pg-internals.ts'

export const AS_TEXT: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value }

/**
 * Asks whether the server that runs its transaction is in recovery, which a connection to a pooler does not tell. It takes no snapshot, so that SET
 * TRANSACTION may follow.
 */
export const ROLE: pg.QueryArrayConfig & { readonly text: string } = {
  text: 'SHOW in_hot_standby',
  rowMode: 'array',
  types: AS_TEXT,
}

export function tellsStandby(end: StatementEnd | undefined): boolean {
  if (end?.kind !== 'result') return false
  const [row] = (end.result as pg.QueryArrayResult<[string]>).rows
  return row !== undefined && isOfStandby(row)
}

export function isOfStandby([inRecovery]: DataRow['fields']): boolean {
  return String(inRecovery) === 'on'
}

/** Asks that ahead of what is sent by the extended protocol next, up to one Sync. Its row is not described, for which somebody else may listen. */
export function askRoleAhead(connection: WireConnection): void {
  connection.parse({ text: ROLE.text })
  connection.bind({})
  connection.execute({})
}

/** It was taken for the primary, and is a standby: nothing tells what it shows. */
export function misledTo({ server }: Lease, check?: FreshnessCheck): Evidence {
  return { kind: 'behind', error: check?.behind(server) ?? new ReplicaBehindError(server) }
}
