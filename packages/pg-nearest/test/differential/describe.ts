import pg from 'pg'

/** What a caller got to see of one operation, as plain data: comparable between two databases of one server. */
export type Outcome = Readonly<Record<string, unknown>>

/** Below this, types and tables are PostgreSQL's own and have the same number in every database. */
const FIRST_OWN_OID = 16_384

const ERROR_FIELDS = [
  'severity',
  'detail',
  'hint',
  'position',
  'internalPosition',
  'internalQuery',
  'where',
  'schema',
  'table',
  'column',
  'dataType',
  'constraint',
] as const

/** What it failed with; empty if it did not. */
export function messageOf(outcome: unknown): string {
  return (outcome as { error?: { message?: string } } | undefined)?.error?.message ?? ''
}

/** Which kind of server gave a result, if it says so. */
export function roleOf(given: unknown): string | undefined {
  const [result] = [given].flat() as { servedBy?: { role?: string } }[]
  return result?.servedBy?.role
}

export function describeResult(given: unknown): unknown {
  if (Array.isArray(given)) return given.map(describeResult)
  if (!(given instanceof Object) || !('rows' in given)) return given
  const { command, rowCount, oid, fields, rows } = given as pg.QueryResult
  return {
    command,
    rowCount,
    oid: own(oid ?? 0),
    fields: fields.map(({ name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier, format }) => ({
      name,
      tableID: own(tableID),
      columnID,
      dataTypeID: own(dataTypeID),
      dataTypeSize,
      dataTypeModifier,
      format,
    })),
    rows: rows.map(describeRow),
  }
}

/** Prototypes do not count, and buffers are told as texts. */
export function describeRow(row: unknown): unknown {
  if (Array.isArray(row)) return row.map(describeValue)
  if (typeof row !== 'object' || row === null) return row
  return Object.entries(row).map(([name, value]) => [name, describeValue(value)])
}

export function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { thrown: String(error) }
  const { code } = error as { code?: string }
  if (!(error instanceof pg.DatabaseError)) return { class: error.constructor.name, code, message: error.message }
  const fields = ERROR_FIELDS.map((name) => [name, error[name]] as const)
  return {
    code,
    message: error.message,
    ...Object.fromEntries(fields.filter(([, value]) => value !== undefined)),
  }
}

/** Other properties than pg's that a result has. */
export function extrasOf(given: unknown): string[] {
  const [result] = [given].flat()
  if (!(result instanceof Object)) return []
  return Object.keys(result).filter((name) => !PG_KEYS.has(name))
}

const PG_KEYS: ReadonlySet<string> = new Set([
  'command',
  'rowCount',
  'oid',
  'rows',
  'fields',
  '_parsers',
  '_types',
  'RowCtor',
  'rowAsArray',
  '_prebuiltEmptyResultObject',
])

function own(oid: number): number | 'own' {
  return oid < FIRST_OWN_OID ? oid : 'own'
}

function describeValue(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return `bytes ${value.toString('hex')}`
  if (value instanceof Date) return `date ${value.toISOString()}`
  return value
}
