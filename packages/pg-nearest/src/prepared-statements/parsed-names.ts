import type pg from 'pg'
import type { WireConnection } from '../wire/pg-internals.ts'

const parsed = new WeakMap<object, boolean>()

/** A statement with a name is sent, maybe again: what another connection has refused tells nothing of this one. */
export function noteWritten(config: pg.QueryConfig): void {
  if (parsed.get(config) === false) parsed.delete(config)
}

/** A statement with a name has been answered: from now on {@link wasParsed} tells whether its connection has it. */
export function noteAnswered(config: pg.QueryConfig, connection: Names): void {
  const { name } = config
  if (name === undefined) return
  const isParsed = connection.parsedStatements[name] !== undefined
  noteParsed(config, isParsed)
  // What was skipped behind another one's error pg takes for sent as long as the connection lives.
  if (!isParsed) delete connection.submittedNamedStatements?.[name]
}

/** The same, where that is known without asking its connection. */
export function noteParsed(config: pg.QueryConfig, isParsed: boolean): void {
  parsed.set(config, isParsed)
}

/** It has not been sent anywhere, and will not be. */
export function noteUnsent(config: pg.QueryConfig): void {
  if (config.name !== undefined) noteParsed(config, false)
}

/** Whether the server that it was last sent to has taken its text for its name; `undefined`: nobody knows, or not yet. */
export function wasParsed(config: pg.QueryConfig): boolean | undefined {
  return parsed.get(config)
}

type Names = Pick<WireConnection, 'parsedStatements' | 'submittedNamedStatements'>
