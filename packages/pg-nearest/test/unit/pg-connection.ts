import { EventEmitter } from 'node:events'
import pg from 'pg'

type Message = (message: object) => void

/** What pg's own connection writes and reads, without a server. */
export interface PgConnection extends EventEmitter {
  attachListeners(stream: EventEmitter): void
  readonly close: Message
  readonly parse: Message
  readonly describe: Message
  readonly execute: Message
  sync(): void
}

export function pgConnection(): { connection: PgConnection; stream: EventEmitter; written: readonly Buffer[] } {
  const written: Buffer[] = []
  const stream = Object.assign(new EventEmitter(), { writable: true, write: (bytes: Buffer) => written.push(bytes) })
  const Connection = pg.Connection as unknown as new (options: { stream: EventEmitter }) => PgConnection
  const connection = new Connection({ stream })
  connection.attachListeners(stream)
  return { connection, stream, written }
}
