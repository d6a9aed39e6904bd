import type pg from 'pg'
import { factsOf } from '../statement/text-facts.ts'
import { internalsOf } from '../wire/pg-internals.ts'
import { PreparedStatements } from './prepared-statements.ts'

/** By these a text's strings and names are read when it is parsed. Earlier than PostgreSQL 18 a server does not tell that `search_path` has changed. */
const READ_BY: ReadonlySet<string> = new Set(['TimeZone', 'DateStyle', 'IntervalStyle', 'search_path'])

interface ParameterStatus {
  readonly parameterName: string
}

const known = new WeakMap<object, PreparedStatements>()

/**
 * The statements that were prepared on a client's connection, for as long as it lives.
 *
 * @param prepareFrom - as of {@link PreparedStatements}.
 */
export function statementsOn(client: pg.Client, prepareFrom: number): PreparedStatements {
  const statements = known.get(client)
  if (statements !== undefined) return statements
  const created = new PreparedStatements(prepareFrom)
  known.set(client, created)
  internalsOf(client).connection.on('parameterStatus', ({ parameterName }: ParameterStatus) => {
    if (READ_BY.has(parameterName)) created.doubt()
  })
  return created
}

/** The same; `undefined` as long as nothing was to be prepared there. */
export function knownStatementsOn(client: object): PreparedStatements | undefined {
  return known.get(client)
}

/** To be called with each text that is sent on a connection, but for reads in lanes: what is prepared there may mean something else behind it. */
export function noteSent(client: object, text: unknown): void {
  const statements = known.get(client)
  // What has a name of its own only was prepared as something else.
  if (statements === undefined || typeof text !== 'string') return
  const facts = factsOf(text)
  if (facts.is('unsettlesPrepared') && !facts.is('isPreparableWrite')) statements.doubt()
}
