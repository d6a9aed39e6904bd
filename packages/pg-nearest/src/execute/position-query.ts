import pg from 'pg'
import { normalizeInsertLsn, parseLsn } from '../topology/position.ts'
import type { Lease } from '../monitor/server-connections.ts'

/** What a server says of its position, on the connection that is asked. */
export interface Said {
  readonly standby: boolean
  /** Replay position of a standby, insert position of a primary. */
  readonly lsn: bigint
  /** A standby's only where it was asked for. */
  readonly timeline: number | undefined
  /** Only where it was asked for. */
  readonly systemIdentifier: string | undefined
}

/** To one that is known to be a standby. */
export const OF_STANDBY = 'select pg_last_wal_replay_lsn()'
const OF_ANY = `select case when r then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end,
       case when r then null else pg_walfile_name(pg_current_wal_insert_lsn()) end
  from pg_is_in_recovery() as r`
/** The first question to a server that no probe has asked: which cluster it is, too, and a standby's timeline. */
const OF_STRANGER = `select case when r then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end,
       case when r then null else pg_walfile_name(pg_current_wal_insert_lsn()) end,
       (select system_identifier from pg_control_system()),
       (select timeline_id from pg_control_checkpoint())
  from pg_is_in_recovery() as r`

type Fields = readonly (string | null)[]

type Callback = (error: unknown, fields?: Fields) => void

/** What pg does with a query of its own, without the parts that a known answer does not need: it shows in a short read. */
class PositionQuery {
  readonly #text: string
  #fields: Fields | undefined
  /** pg wraps it where there is a time-out. */
  readonly callback: Callback

  constructor(text: string, callback: Callback) {
    this.#text = text
    this.callback = callback
  }

  submit(connection: { query(text: string): void }): null {
    connection.query(this.#text)
    return null
  }

  handleRowDescription(): void {}

  handleDataRow(message: { readonly fields: Fields }): void {
    this.#fields = message.fields
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.callback(null, this.#fields)
  }

  handleError(error: unknown): void {
    this.callback(error)
  }
}

// Other queries than its own pg does not send at once with others.
Object.setPrototypeOf(PositionQuery.prototype, pg.Query.prototype)

/** Asks behind (or ahead of) a statement on the same connection. Calls back with `undefined` when it did not say. */
export function askPosition(
  { client, provenStandby }: Lease,
  stranger: boolean,
  onSaid: (said: Said | undefined) => void,
): void {
  const text = stranger ? OF_STRANGER : provenStandby ? OF_STANDBY : OF_ANY
  const done: Callback = (error, fields) => onSaid(error || fields === undefined ? undefined : readPosition(fields))
  client.query(new PositionQuery(text, done) as unknown as pg.Submittable)
}

/** What the answer to a question after the position says; `undefined` if it is none. */
export function readPosition([position, file, system, checkpointTimeline]: Fields): Said | undefined {
  const lsn = parseLsn(position)
  if (lsn === undefined) return undefined
  const systemIdentifier = system ?? undefined
  if (file === undefined || file === null) {
    const timeline = checkpointTimeline === undefined ? undefined : Number(checkpointTimeline)
    return { standby: true, lsn, timeline, systemIdentifier }
  }
  return {
    standby: false,
    lsn: normalizeInsertLsn(lsn),
    timeline: Number.parseInt(file.slice(0, 8), 16),
    systemIdentifier,
  }
}
