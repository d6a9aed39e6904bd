import pg from 'pg'
import { factsOf } from '../statement/text-facts.ts'
import { isUnsendable, type QueryInternals } from '../wire/pg-internals.ts'

/** A BEGIN that can be sent, and that no server refuses, so that it can be answered before. */
export function isDeferrable(config: pg.QueryConfig): boolean {
  const { text, values, name } = config
  if (name !== undefined || (values !== undefined && values.length > 0)) return false
  return factsOf(text).is('isPlainBegin') && !isUnsendable(config as Partial<QueryInternals>)
}

/** The `command` of a BEGIN's result, as in pg. */
export function commandOf({ text }: pg.QueryConfig): 'BEGIN' | 'START' {
  return text.trimStart().toUpperCase().startsWith('START') ? 'START' : 'BEGIN'
}

/** pg exports it, but its types leave it out. */
interface ResultModule {
  readonly Result: new () => pg.QueryResult
}

/** The answer to a statement that returns no rows. */
export function emptyResult(command: string): pg.QueryResult {
  const result = new (pg as unknown as ResultModule).Result()
  return Object.assign(result, { command })
}

/** PostgreSQL's error for a statement in a transaction that has failed. */
export function abortedError(): pg.DatabaseError {
  const message = 'current transaction is aborted, commands ignored until end of transaction block'
  const error = new pg.DatabaseError(message, message.length, 'error')
  return Object.assign(error, { severity: 'ERROR', code: '25P02' })
}
