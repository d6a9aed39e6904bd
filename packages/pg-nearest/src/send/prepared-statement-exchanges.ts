import type pg from 'pg'
import { StatementExchange } from '../exchange/statement-exchange.ts'
import { knownStatementsOn, statementsOn } from '../prepared-statements/statements-on.ts'
import { useOf, type StatementUse } from '../prepared-statements/statement-use.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { isOfConnection } from '../route/failure-meaning.ts'
import { factsOf } from '../statement/text-facts.ts'
import type { Exchange, StatementEnd } from '../wire/exchange.ts'
import { askBackendBehind } from './ask-backend.ts'

type OnEnd = (end: StatementEnd) => void

/**
 * A statement as it is, under a name of ours where that pays: for a write outside of a transaction, on a connection that is known to lead
 * to its server without a pooler in between. The server then need neither parse nor plan it anew.
 *
 * @param prepareFrom - as of `PreparedStatements`; `undefined`: it may have no name.
 */
export function preparedStatementExchanges(
  lease: Lease,
  config: pg.QueryConfig,
  prepareFrom: number | undefined,
  onEnd: OnEnd,
): Exchange[] {
  const use = prepareFrom === undefined ? undefined : useFor(lease, config, prepareFrom)
  if (use === undefined) return [unnamed(lease, config, onEnd)]
  const { client, direct } = lease
  if (direct === undefined) return askBackendBehind(lease, (ended) => unnamed(lease, config, ended), onEnd)
  const sentAt = performance.now()
  const ended = (end: StatementEnd): void => {
    if (end.kind === 'result') use.ran(performance.now() - sentAt)
    onEnd(behindName(end))
  }
  return [new StatementExchange(config, client, ended, use)]
}

function unnamed({ client }: Lease, config: pg.QueryConfig, onEnd: OnEnd): StatementExchange {
  const statements = knownStatementsOn(client)
  if (statements !== undefined && unsettles(config.text)) statements.doubt()
  return new StatementExchange(config, client, onEnd)
}

function useFor(lease: Lease, config: pg.QueryConfig, prepareFrom: number): StatementUse | undefined {
  const { client, status, direct, pipelines } = lease
  if (status !== 'I' || direct === false || !pipelines) return undefined
  if (typeof config.text !== 'string' || !isUnadorned(config)) return undefined
  return factsOf(config.text).is('isPreparableWrite')
    ? useOf(statementsOn(client, prepareFrom), config.text)
    : undefined
}

/** Nothing is asked of it but what its rows are read by. */
export function isUnadorned(config: pg.QueryConfig): boolean {
  for (const key in config) if (!UNADORNED.has(key)) return false
  return true
}

const UNADORNED: ReadonlySet<string> = new Set(['text', 'values', 'rowMode', 'types'])

function unsettles(text: unknown): boolean {
  // What has a name of its own only was prepared as something else.
  return typeof text === 'string' && factsOf(text).is('unsettlesPrepared')
}

/** It was refused for its name, of which its caller knows nothing: so it did not run, and can be sent without one. */
function behindName(end: StatementEnd): StatementEnd {
  return end.kind === 'answered' && isOfConnection(end.error) && !isFromWithin(end.error)
    ? { kind: 'unsent', error: end.error }
    : end
}

/** A function of the caller's was refused a name of its own: it has run, and may have done what no rollback undoes. */
function isFromWithin(error: unknown): boolean {
  return error instanceof Error && 'where' in error && error.where !== undefined
}
