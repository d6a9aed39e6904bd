import pg from 'pg'
import { isNearestError, type ServedBy } from '../../../src/index.ts'

/** What a caller gets to see of one statement: comparable between two databases of one server. */
export type Outcome =
  | { readonly results: readonly unknown[]; readonly servedBy: ServedBy | undefined }
  | { readonly error: Readonly<Record<string, unknown>> }

type Result = pg.QueryResult & { readonly servedBy?: ServedBy }

/** Runs it, and tells what came of it. Of a volatile one only the shape. */
export async function outcomeOf(run: () => Promise<unknown>, volatile: boolean): Promise<Outcome> {
  try {
    const given = (await run()) as Result | Result[]
    const results = [given].flat()
    return { results: results.map((result) => describe(result, volatile)), servedBy: servedByOf(given) }
  } catch (thrown) {
    const error = refusalIn(thrown)
    if (!(error instanceof pg.DatabaseError)) throw thrown
    const { code, severity, message, detail, hint, position, where, schema, table, column, constraint } = error
    return { error: { code, severity, message, detail, hint, position, where, schema, table, column, constraint } }
  }
}

/** The server's own words, where what only reads has added to them. */
function refusalIn(error: unknown): unknown {
  return isNearestError(error) && error.code === 'NEAREST_READ_ONLY_HANDLE' ? error.cause : error
}

/** Without the label, which the reference does not have. */
export function seen(outcome: Outcome): unknown {
  return 'results' in outcome ? outcome.results : outcome.error
}

function servedByOf(given: Result | Result[]): ServedBy | undefined {
  return (given as Result).servedBy ?? (Array.isArray(given) ? given.at(-1)?.servedBy : undefined)
}

/** Below this the types are PostgreSQL's own, and have the same number in every database. */
const FIRST_OWN_OID = 16_384

function describe({ command, rowCount, fields, rows }: Result, volatile: boolean): unknown {
  const shape = {
    command,
    fields: fields.map(({ name, dataTypeID }) => [name, dataTypeID < FIRST_OWN_OID ? dataTypeID : 'own']),
  }
  if (!volatile) return { ...shape, rowCount, rows: rows as unknown[] }
  const kinds = (rows as Record<string, unknown>[]).map((row) => Object.values(row).map((value) => typeof value))
  return { ...shape, kinds: [...new Set(kinds.map(String))] }
}
