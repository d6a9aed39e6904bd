import { PreparedStatements } from './prepared-statements.ts'

const known = new WeakMap<object, PreparedStatements>()

/**
 * The statements that were prepared on a client's connection, for as long as it lives.
 *
 * @param prepareFrom - as of {@link PreparedStatements}.
 */
export function statementsOn(client: object, prepareFrom: number): PreparedStatements {
  let statements = known.get(client)
  if (statements === undefined) known.set(client, (statements = new PreparedStatements(prepareFrom)))
  return statements
}

/** The same; `undefined` as long as nothing was to be prepared there. */
export function knownStatementsOn(client: object): PreparedStatements | undefined {
  return known.get(client)
}
