import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import pg from 'pg'

/**
 * What pg's own code has and its types do not say. Everything that leans on it is in this room, so that a new version of pg is
 * checked in one place.
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
  parse(message: { readonly text: string }): void
  bind(message: object): void
  execute(message: object): void
  sync(): void
}

/** A `pg.Client` from the inside. */
export interface ClientInternals {
  readonly connection: WireConnection
  readonly processID: number | null
  readonly secretKey: number | Uint8Array | null
  readonly binary: boolean
  readonly _types: pg.CustomTypesConfig
  readonly _queryable: boolean
  readonly _ending: boolean
  readonly _ended: boolean
  /** The query that hears what the server answers. */
  _activeQuery: unknown
  /** The server awaits a query. */
  readyForQuery: boolean
  ref(): void
  unref(): void
}

export function internalsOf(client: pg.Client): ClientInternals {
  return client as unknown as ClientInternals
}

/** What a client calls on the query that it runs. */
export interface QueryHandlers {
  submit(connection: WireConnection): Error | null | undefined | void
  handleRowDescription(message: unknown): void
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
  readonly text: string
  readonly name: string | undefined
  /** Rows for each page; the portal stays open between them. */
  readonly rows: number | undefined
  binary: boolean | undefined
  callback: QueryCallback | undefined
  queryMode: 'extended' | undefined
  readonly _result: { _types: pg.CustomTypesConfig | undefined }
}

/** pg's own query, with the constructor and the methods that its code has. */
export const PgQuery: new (config: pg.QueryConfig | string, values?: unknown[]) => QueryInternals =
  pg.Query as unknown as new (config: pg.QueryConfig | string, values?: unknown[]) => QueryInternals

/** Whether it has nothing but a text and values. pg copies a config property by property, which shows in a short read. */
export function isPlain(config: pg.QueryConfig): boolean {
  for (const key in config) if (key !== 'text' && key !== 'values') return false
  return typeof config.text === 'string'
}

/** Gives a query what its client would give it. */
export function adopt(query: Partial<QueryInternals>, client: pg.Client): void {
  const { binary, _types: types } = internalsOf(client)
  if (binary && !query.binary) query.binary = true
  if (query._result !== undefined && !query._result._types) query._result._types = types
}

/** The connection without its Sync: what is written to it shares the next one that follows. */
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
