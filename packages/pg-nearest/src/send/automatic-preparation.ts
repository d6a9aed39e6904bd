import type pg from 'pg'
import { StatementExchange } from '../exchange/statement-exchange.ts'
import { codeOf } from '../driver-errors.ts'
import { statementsOn } from '../prepared-statements/statements-on.ts'
import { useOf, type PreparedStatementExecution } from '../prepared-statements/prepared-statement-execution.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { isOfConnection } from '../route/failure-meaning.ts'
import { factsOf } from '../statement/text-facts.ts'
import type { Exchange, StatementEnd } from '../wire/exchange.ts'
import { askBackendBehind } from './ask-backend-pid.ts'

type OnEnd = (end: StatementEnd) => void

/** Whether a statement may have a name. */
export interface Naming {
  /** As of `PreparedStatements`; `undefined`: it may have none. */
  readonly prepareFrom?: number | undefined
  /** Its caller has a limit, in which the wait for an answer of no use to him would count. */
  readonly isLimited?: boolean | undefined
}

/**
 * A statement as it is, under a name of ours where that pays: for a write outside of a transaction, on a connection that is known to lead
 * to its server without a pooler in between. The server then need neither parse nor plan it anew.
 */
export function preparedStatementExchanges(
  lease: Lease,
  config: pg.QueryConfig,
  { prepareFrom, isLimited }: Naming,
  onEnd: OnEnd,
): Exchange[] {
  const use = prepareFrom === undefined ? undefined : useFor(lease, config, prepareFrom)
  const { client, direct } = lease
  if (use === undefined || (direct === undefined && isLimited === true)) {
    return [new StatementExchange(config, client, onEnd)]
  }
  if (direct === undefined) {
    return askBackendBehind(lease, (ended) => new StatementExchange(config, client, ended), onEnd)
  }
  const sentAt = performance.now()
  const ended = (end: StatementEnd): void => {
    if (end.kind === 'result') use.ran(performance.now() - sentAt)
    onEnd(end.kind === 'answered' && isForItsName(use, end.error) ? { kind: 'unsent', error: end.error } : end)
  }
  return [new StatementExchange(config, client, ended, use)]
}

function useFor(lease: Lease, config: pg.QueryConfig, prepareFrom: number): PreparedStatementExecution | undefined {
  const { client, status, direct, pipelines } = lease
  if (status !== 'I' || direct === false || !pipelines) return undefined
  if (typeof config.text !== 'string' || !isUnadorned(config) || !hasValues(config)) return undefined
  return factsOf(config.text).is('isPreparableWrite')
    ? useOf(statementsOn(client, prepareFrom), config.text)
    : undefined
}

/** Nothing is asked of it that changes what is sent. */
export function isUnadorned(config: pg.QueryConfig): boolean {
  for (const key in config) if (!UNSENT.has(key)) return false
  return true
}

/** What is sent in any case, what rows are read by, and what only the pool reads. */
const UNSENT: ReadonlySet<string> = new Set([
  'text',
  'values',
  'rowMode',
  'types',
  'route',
  'consistency',
  'signal',
  'timeoutMs',
])

/** Otherwise pg sends it by the simple protocol, which shows a row as text, and what a rule selects besides. */
function hasValues({ values }: pg.QueryConfig): boolean {
  return Array.isArray(values) && values.length > 0
}

/**
 * It was refused for its name, of which its caller knows nothing, or maybe for the types that its parameters had under that name. It did not run, and
 * can be sent without one. What refuses a name within a function of the caller's does so later.
 */
function isForItsName(use: PreparedStatementExecution, error: unknown): boolean {
  const { stage } = use
  if (stage === 'reused' && !OF_ITS_TIME.test(String(codeOf(error)))) return true
  return (stage === 'reused' || stage === 'parsed') && isOfConnection(error)
}

/** A conflict, a time-out, a cancellation, or what the server is short of. */
const OF_ITS_TIME = /^(?:40|53|55|57|58)/
