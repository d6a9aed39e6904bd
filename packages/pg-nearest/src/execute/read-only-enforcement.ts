import type pg from 'pg'
import type { Lease } from '../connections/lease.ts'
import { classify } from '../statement/classify.ts'
import { isSingle, setsIsolation } from '../statement/text-predicates.ts'
import type { Exchange, StatementEnd } from '../wire/exchange.ts'
import { GroupExchange } from '../wire/group-exchange.ts'
import { StatementExchange } from '../wire/statement-exchange.ts'

/**
 * What keeps a statement from writing. A standby refuses by itself, as long as it is one; on a primary it is:
 *
 * - `none`: nothing, it is sent as it is.
 * - `read`: as `statement`. Its text reads, so that a standby that might be promoted is enough.
 * - `statement`: a READ ONLY transaction around it, wherever it runs.
 * - `begin`: it begins a transaction, which is made READ ONLY.
 * - `inside`: it is part of such a transaction, which it must not change or end with something behind it.
 */
export type Enforcement = 'none' | 'read' | 'statement' | 'begin' | 'inside'

/** It is sent as it is: nothing has to keep it from writing, or the server does. */
export function isPlainOn({ provenStandby }: Lease, enforcement: Enforcement): boolean {
  return enforcement === 'none' || (provenStandby && enforcement !== 'statement' && enforcement !== 'begin')
}

const BEGIN = 'BEGIN READ ONLY'
/**
 * A transaction that has taken a snapshot cannot be made READ WRITE any more.
 *
 * @see https://www.postgresql.org/docs/current/sql-set-transaction.html
 */
export const SNAPSHOT = 'SELECT 1'

type OnEnd = (end: StatementEnd) => void

/**
 * What a statement is sent with so that the server refuses a write, in one round trip; nothing of it is left on the connection. What
 * is not sure to read goes alone, as with parameters, so that no second statement can come behind a COMMIT in its text.
 */
export function statementExchanges(
  lease: Lease,
  config: pg.QueryConfig,
  enforcement: Enforcement,
  onEnd: OnEnd,
): Exchange[] {
  switch (isPlainOn(lease, enforcement) ? 'none' : enforcement) {
    case 'none':
      return [new StatementExchange(config, lease.client, onEnd)]
    case 'read':
    case 'statement':
      return around(lease, config, onEnd)
    case 'begin':
      return beginning(lease, config, onEnd)
    case 'inside':
      return [inside(lease, config, onEnd)]
  }
}

/** BEGIN, the statement, COMMIT. The statement's end is told once all three are through. */
function around({ client }: Lease, config: pg.QueryConfig, onEnd: OnEnd): Exchange[] {
  let ended: StatementEnd | undefined
  const commit = plain(client, 'COMMIT', (end) => onEnd(lossOf(end) ?? (ended as StatementEnd)))
  const tell = (end: StatementEnd): void => {
    ended ??= end
  }
  if (mustBeAlone(config)) return [group(client, [BEGIN, SNAPSHOT], config, tell), commit]
  const ahead = [BEGIN, SNAPSHOT].map((text) => plain(client, text, (end) => end.kind !== 'result' && tell(end)))
  return [...ahead, new StatementExchange(config, client, tell), commit]
}

/** A connection that dies while the COMMIT is on its way has lost the statement, which was not allowed to write. */
function lossOf(end: StatementEnd): StatementEnd | undefined {
  return end.kind === 'lost' || end.kind === 'unsent' ? end : undefined
}

function beginning({ client }: Lease, config: pg.QueryConfig, onEnd: OnEnd): Exchange[] {
  let begun: StatementEnd | undefined
  const restrict = plain(client, 'SET TRANSACTION READ ONLY', (end) => {
    onEnd(begun?.kind === 'result' && end.kind !== 'result' ? end : (begun as StatementEnd))
  })
  return [alone(client, config, (end) => (begun = end)), restrict]
}

function inside({ client }: Lease, config: pg.QueryConfig, onEnd: OnEnd): Exchange {
  if (typeof config.text === 'string' && needsNoSnapshot(config.text)) return alone(client, config, onEnd)
  return mustBeAlone(config) ? group(client, [SNAPSHOT], config, onEnd) : new StatementExchange(config, client, onEnd)
}

/** It ends the transaction or a part of it, or must come before any query; whatever it says, it cannot make it READ WRITE. */
function needsNoSnapshot(text: string): boolean {
  const kind = classify(text).transaction?.kind
  return kind === 'commit' || kind === 'rollback' || /^\s*(?:savepoint|release|rollback)\s/i.test(text) || setsIsolation(text)
}

/** Texts of several statements are for those that only read, as far as their text shows. */
function mustBeAlone(config: pg.QueryConfig): boolean {
  if ((config as { readonly rows?: number }).rows !== undefined) return false
  return typeof config.text !== 'string' || isSingle(config.text) || classify(config.text).class !== 'read'
}

function plain(client: pg.Client, text: string, onEnd: (end: StatementEnd) => unknown): Exchange {
  return new StatementExchange({ text }, client, (end) => void onEnd(end))
}

/** The server takes one statement, and refuses several. */
function alone(client: pg.Client, config: pg.QueryConfig, onEnd: (end: StatementEnd) => unknown): Exchange {
  return new GroupExchange([config], undefined, client, ([end]) => void onEnd(end as StatementEnd))
}

/** If one ahead of it fails, the statement is not run, and fails with that. */
function group(client: pg.Client, ahead: readonly string[], config: pg.QueryConfig, onEnd: OnEnd): Exchange {
  const configs = [...ahead.map((text) => ({ text })), config]
  return new GroupExchange(configs, undefined, client, (ends) => {
    onEnd(ends.find((end) => end.kind !== 'result') ?? (ends.at(-1) as StatementEnd))
  })
}
