import pg from 'pg'
import { from, to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { describeError, describeResult, describeRow, extrasOf, roleOf, type Outcome } from './describe.ts'
import type {
  CopyFromOperation,
  CopyToOperation,
  CursorOperation,
  QueryOperation,
  StatementOperation,
  StreamOperation,
  Value,
} from './operation.ts'

/** What both clients have. */
export type Client = pg.ClientBase

/** Does it as a user of pg would, and tells what came of it: it never rejects, but may never settle. */
export async function perform(client: Client, operation: StatementOperation): Promise<Outcome> {
  try {
    return await start(client, operation)
  } catch (error) {
    return { error: describeError(error) }
  }
}

/** Sends it before it returns, so that what is performed in a row is given in a row. */
function start(client: Client, operation: StatementOperation): Outcome | Promise<Outcome> {
  switch (operation.kind) {
    case 'query':
      return query(client, operation)
    case 'cursor':
      return readCursor(client, operation)
    case 'stream':
      return readStream(client, operation)
    case 'copy-from':
      return copyFrom(client, operation)
    case 'copy-to':
      return copyTo(client, operation)
    case 'type-parser':
      client.setTypeParser(operation.oid, 'text', parsed)
      return { set: true }
  }
}

function parsed(text: string): string {
  return `parsed ${text}`
}

const OWN_TYPES = { getTypeParser: () => (text: string) => `own ${text}` } as unknown as pg.CustomTypesConfig

function configOf({ text, values, name, rowMode, rows, types, extended }: QueryOperation): pg.QueryConfig {
  const config = {
    text,
    ...(values === undefined ? {} : { values: values.map(realValue) }),
    ...(name === undefined ? {} : { name }),
    ...(rowMode === undefined ? {} : { rowMode }),
    ...(rows === undefined ? {} : { rows }),
    ...(types === undefined ? {} : { types: OWN_TYPES }),
    ...(extended === undefined ? {} : { queryMode: 'extended' }),
  }
  return config
}

async function query(client: Client, operation: QueryOperation): Promise<Outcome> {
  const config = configOf(operation)
  if (operation.form === 'object') return queryObject(client, config)
  const given =
    operation.form === 'callback'
      ? await new Promise((resolve, reject) => {
          client.query(config, (error: Error | null | undefined, result) => (error ? reject(error) : resolve(result)))
        })
      : await client.query(config)
  return { result: describeResult(given), extras: extrasOf(given), role: roleOf(given) }
}

async function queryObject(client: Client, config: pg.QueryConfig): Promise<Outcome> {
  const rows: unknown[] = []
  const given = new pg.Query(config)
  given.on('row', (row) => rows.push(describeRow(row)))
  return new Promise((resolve) => {
    given.once('error', (error) => resolve({ rows, error: describeError(error) }))
    given.once('end', (result) => resolve({ rows, result: describeResult(result) }))
    // What pg says again of the same query.
    given.on('error', () => undefined)
    client.query(given)
  })
}

async function readCursor(client: Client, operation: CursorOperation): Promise<Outcome> {
  const { text, values, rowMode, reads, close } = operation
  const cursor = client.query(new Cursor(text, values?.map(realValue), rowMode === undefined ? {} : { rowMode }))
  const pages: unknown[] = []
  let result: unknown
  try {
    for (const size of reads) {
      const page = await new Promise<unknown[]>((resolve, reject) => {
        cursor.read(size, (error, rows, last) => {
          if (error) return reject(error)
          if (last !== undefined) result = { command: last.command, rowCount: last.rowCount }
          resolve(rows)
        })
      })
      pages.push(page.map(describeRow))
    }
  } catch (error) {
    return { pages, error: describeError(error) }
  }
  if (close) await cursor.close()
  return { pages, last: result }
}

async function readStream(client: Client, operation: StreamOperation): Promise<Outcome> {
  const { text, values, rowMode, batchSize, take } = operation
  const options = {
    ...(rowMode === undefined ? {} : { rowMode }),
    ...(batchSize === undefined ? {} : { batchSize }),
  }
  const stream = client.query(new QueryStream(text, values?.map(realValue), options))
  const rows: unknown[] = []
  try {
    for await (const row of stream) {
      rows.push(describeRow(row))
      if (rows.length === take) break
    }
  } catch (error) {
    return { rows, error: describeError(error) }
  }
  return { rows }
}

async function copyFrom(client: Client, { text, chunks, abort }: CopyFromOperation): Promise<Outcome> {
  const stream = client.query(from(text))
  return new Promise((resolve) => {
    stream.once('error', (error) => resolve({ error: describeError(error) }))
    stream.once('finish', () => resolve({ rowCount: stream.rowCount }))
    stream.on('error', () => undefined)
    for (const chunk of chunks) stream.write(chunk)
    if (abort) stream.destroy(new Error('aborted by its user'))
    else stream.end()
  })
}

async function copyTo(client: Client, { text }: CopyToOperation): Promise<Outcome> {
  const stream = client.query(to(text))
  const chunks: string[] = []
  return new Promise((resolve) => {
    const copied = (): string => chunks.join('')
    stream.on('data', (chunk) => chunks.push(String(chunk)))
    stream.once('error', (error) => resolve({ copied: copied(), error: describeError(error) }))
    stream.once('end', () => resolve({ copied: copied() }))
    stream.on('error', () => undefined)
  })
}

function realValue(value: Value): unknown {
  if (typeof value !== 'object' || value === null || !('special' in value)) return value
  switch (value.special) {
    case 'unsendable':
      return {
        toPostgres: () => {
          throw new RangeError('this value cannot be sent')
        },
      }
    case 'undefined':
      return undefined
    case 'date':
      return new Date('2026-11-26T03:04:05.678Z')
    case 'bytes':
      return Buffer.from('0017ff', 'hex')
    case 'object':
      return { a: [1, 'two', null] }
    case 'bigint':
      return 9_007_199_254_740_993n
  }
}
