import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import pg from 'pg'
import utils from 'pg/lib/utils.js'
import { isNone, serializationError } from './serialization-error.ts'

/**
 * Parts of pg that its types leave out. Only this folder uses them, so that a new version of pg has to be checked in one place.
 */

/** A row as it comes off the wire. */
export interface DataRow {
  readonly fields: readonly (string | null)[]
}

/** The connection that a query writes its messages to. */
export interface WireConnection extends EventEmitter {
  readonly stream: Socket
  readonly ssl: boolean | object
  readonly sslNegotiation: string
  query(text: string): void
  /** The texts that pg takes for prepared, by their names. */
  readonly parsedStatements: Record<string, string>
  /** The same of those that are on their way. Older versions of pg have none. */
  readonly submittedNamedStatements?: Record<string, string>
  parse(message: { readonly text: string; readonly name?: string }): void
  bind(message: object): void
  execute(message: object): void
  close(message: { readonly type: 'S'; readonly name: string }): void
  sync(): void
  /** Begins to parse what comes. */
  attachListeners(stream: Socket): void
}

/** A `pg.Client` from the inside. */
export interface ClientInternals {
  readonly connection: WireConnection
  readonly processID: number | null
  readonly secretKey: number | Uint8Array | null
  readonly binary: boolean
  _types: pg.CustomTypesConfig
  readonly _queryable: boolean
  readonly _ending: boolean
  readonly _ended: boolean
  /** The query that receives the server's answers. */
  _activeQuery: unknown
  /** The server is waiting for a query. */
  readyForQuery: boolean
  readonly _queryQueue: QueryHandlers[]
  _pulseQueryQueue(): void
  ref(): void
  unref(): void
}

export function internalsOf(client: pg.Client): ClientInternals {
  return client as unknown as ClientInternals
}

/** What it runs on a connection: beside a name without a text what was parsed there, or else the empty text that pg parses then. */
export function textOn(client: pg.Client, { name, text }: pg.QueryConfig): string | undefined {
  if (name === undefined || !isNone(text)) return text
  const { parsedStatements, submittedNamedStatements } = internalsOf(client).connection
  const parsed: unknown = parsedStatements[name] || submittedNamedStatements?.[name]
  // pg's own are objects, in which `constructor` is a function.
  return typeof parsed === 'string' ? parsed : ''
}

/** From now on it changes parsers of its own, and what is in flight goes on with those that it was sent with. */
export function copyTypes(client: pg.Client): void {
  const internals = internalsOf(client)
  internals._types = new pg.TypeOverrides(internals._types)
}

/** Names the server and the user of a client that has not connected yet. What is `undefined` stays as pg has it. */
export function identify(
  client: pg.Client,
  { host, port, user, database }: Pick<pg.ClientConfig, 'host' | 'port' | 'user' | 'database'>,
): void {
  const { connectionParameters } = client as unknown as { readonly connectionParameters: object }
  for (const [name, value] of Object.entries({ host, port, user, database })) {
    if (value === undefined) continue
    for (const target of [client, connectionParameters]) Reflect.set(target, name, value)
  }
}

/** Sets the password of a client that has not connected yet. pg asks a function for it when the server does. */
export function setPassword(client: pg.Client, password: string | ((parameters: unknown) => Promise<string>)): void {
  const { connectionParameters } = client as unknown as { readonly connectionParameters: object }
  // Assigned and not defined, so that it stays absent from `util.inspect`.
  for (const target of [client, connectionParameters]) Reflect.set(target, 'password', password)
}

/** Puts something between a connection's socket and pg's parser. To be called before it connects. */
export function interceptParser(
  connection: WireConnection,
  intercept: (parse: (bytes: Buffer) => void) => (chunk: Buffer) => void,
): void {
  const { attachListeners } = connection
  connection.attachListeners = (stream) => {
    attachListeners.call(connection, stream)
    const parse = stream.listeners('data').at(-1) as ((chunk: Buffer) => void) | undefined
    if (parse === undefined) return
    stream.off('data', parse)
    stream.on(
      'data',
      intercept((bytes) => parse.call(stream, bytes)),
    )
  }
}

/** The methods that a client calls on its active query. */
export interface QueryHandlers {
  submit(connection: WireConnection): Error | null | undefined | void
  handleRowDescription(message: RowDescription): void
  handleDataRow(message: DataRow): void
  handlePortalSuspended(connection: WireConnection): void
  handleCommandComplete(message: unknown, connection: WireConnection): void
  handleEmptyQuery(connection: WireConnection): void
  handleCopyInResponse(connection: WireConnection): void
  handleCopyData(message: unknown, connection: WireConnection): void
  handleError(error: unknown, connection: WireConnection): void
  handleReadyForQuery(connection: WireConnection): void
}

export type QueryCallback = (error: unknown, result?: pg.QueryResult) => void

/** A `pg.Query` from the inside. */
export interface QueryInternals extends QueryHandlers {
  text: string
  name: string | undefined
  /** Rows to fetch at a time; the portal stays open in between. */
  rows: number | undefined
  values: unknown[] | undefined
  binary: boolean | undefined
  portal: string
  types: unknown
  callback: QueryCallback | undefined
  requiresPreparation(): boolean
  queryMode: 'extended' | undefined
  readonly _result: ResultInternals
  /** Rows are kept for the result. */
  _accumulateRows: boolean
  /** A type parser has thrown: told at ReadyForQuery. */
  _canceledDueToError: unknown
}

/** A `pg.Result` from the inside. */
export interface ResultInternals {
  /** Set once the statement is complete: what comes then belongs to another one of the same text. */
  command: string | null
  _types: pg.CustomTypesConfig | undefined
  fields: readonly Field[]
  _parsers: readonly ((value: string) => unknown)[]
  /** Copied for each row. */
  _prebuiltEmptyResultObject: object | null
}

/** `pg.Result`, with the constructor and the methods that its types leave out. */
export const PgResult: new (
  rowMode: 'array' | undefined,
  types: pg.CustomTypesConfig | undefined,
) => ResultInternals &
  pg.QueryResult & {
    parseRow(row: readonly (string | null)[]): object
    addCommandComplete(message: { readonly text: string }): void
  } = pg.Result as never

/** A column, with what pg's types leave out or take for a text. */
export interface Field {
  readonly name: string
  readonly dataTypeID: Parameters<pg.CustomTypesConfig['getTypeParser']>[0]
  readonly format: 'text' | 'binary'
}

/** Another one of pg's own class. Copying what it has, whatever that is, takes ten times as long. */
export function copyField(field: Field): Field {
  const { name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier, format } = field as pg.FieldDef & Field
  const PgField = field.constructor as new (...all: unknown[]) => Field
  return new PgField(name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier, format)
}

export interface RowDescription {
  readonly fields: readonly Field[]
}

/** `pg.Query`, with the constructor and the methods that its types leave out. */
export const PgQuery: new (config: pg.QueryConfig | string, values?: unknown[]) => QueryInternals =
  pg.Query as unknown as new (config: pg.QueryConfig | string, values?: unknown[]) => QueryInternals

/** Whether it has only a text and values. For these we avoid pg's copying of the options, which is measurable on short reads. */
export function isPlain(config: pg.QueryConfig): boolean {
  for (const key in config) if (key !== 'text' && key !== 'values') return false
  return typeof config.text === 'string'
}

/** Sets on a query what `client.query` would set on it. */
export function adopt(query: Partial<QueryInternals>, client: pg.Client, ownTypes?: pg.CustomTypesConfig): void {
  const { binary, _types: types } = internalsOf(client)
  if (binary && !query.binary) query.binary = true
  if (query._result !== undefined && !query._result._types) query._result._types = ownTypes ?? types
}

/**
 * Turns a query's values into what is sent. pg does so while it writes the message into a buffer that all connections share, and a
 * value's own `toPostgres` or `toJSON` may use a pool.
 */
export function prepareValues(query: Partial<QueryInternals>): void {
  const { values } = query
  if (Array.isArray(values) && values.some(isConverted)) query.values = values.map(converted)
}

/** Whether pg refuses to put it into messages, once {@link prepareValues} has converted what can be. */
export function isUnsendable(config: Partial<QueryInternals>): boolean {
  const { text, name, values } = config
  if (typeof text !== 'string' && typeof name !== 'string') return true
  if (serializationError(config) !== undefined) return true
  return Array.isArray(values) ? isUnbindable(values) : Boolean(values)
}

/** The same of its values alone. */
export function isUnbindable(values: unknown): boolean {
  return Array.isArray(values) && values.some(isConverted)
}

/** What is sent for these values, however their owner changes them afterwards. */
export function sentValues(values: readonly unknown[]): unknown[] {
  const sent: unknown[] = []
  // By index: a hole counts as `undefined`. `Array.from` would be measurable on short reads.
  for (let i = 0; i < values.length; i++) sent.push(sentValue(values[i]))
  return sent
}

function sentValue(value: unknown): unknown {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  const sent = converted(value) ?? null
  return Buffer.isBuffer(sent) ? Buffer.from(sent) : sent
}

/** One that throws does so again, and no more, when pg converts it. */
function converted(value: unknown): unknown {
  try {
    const sent: unknown = utils.prepareValue(value)
    if (typeof sent === 'string' || sent === null || sent === undefined || Buffer.isBuffer(sent)) return sent
    throw new TypeError(`A value must become a string, but it became ${typeof sent}.`)
  } catch (cause) {
    // What is falsy pg takes for no error.
    const error = cause || new Error(`The conversion of a value has thrown ${String(cause)}`, { cause })
    const toPostgres = (): never => {
      throw error
    }
    return { toPostgres }
  }
}

/** What its caller's own code turns into what is sent. */
function isConverted(value: unknown): boolean {
  if (typeof value === 'object') return value !== null && !Buffer.isBuffer(value)
  return typeof value === 'function'
}

/**
 * Sends an adopted query by the extended protocol, the only one in which several statements can share a Sync. What pg would have sent by
 * the simple protocol still gets its rows as text, and nothing else of it is written either.
 */
export function sendExtended(query: QueryInternals): void {
  if (!query.requiresPreparation()) {
    query.binary = false
    query.portal = ''
    query.types = undefined
  }
  query.queryMode = 'extended'
}

/** The connection without `sync`: what is written to it shares the Sync that is sent later. */
export function withoutSync(connection: WireConnection): WireConnection {
  let view = unsynced.get(connection)
  if (view === undefined) {
    view = Object.create(connection, { sync: { value: ignore } }) as WireConnection
    unsynced.set(connection, view)
  }
  return view
}

const unsynced = new WeakMap<WireConnection, WireConnection>()

export function ignore(): void {}
