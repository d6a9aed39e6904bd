import type { Lease } from '../pooled-connection/lease.ts'
import { normalizeInsertLsn, parseLsn } from '../topology/lsn.ts'
import type { Exchange } from '../wire/exchange.ts'
import { InternalQueryExchange, type Fields } from '../wire/internal-query-exchange.ts'

/** A server's position, as it answers on the connection that was asked. */
export interface PositionAnswer {
  readonly standby: boolean
  /** Replay position of a standby, insert position of a primary. */
  readonly lsn: bigint
  /** Of a standby only from a server that is asked for the first time. */
  readonly timeline: number | undefined
  /** Only from a server that is asked for the first time. */
  readonly systemIdentifier: string | undefined
}

/** The position queries that travel with a statement, and their answers. */
export interface PositionQuestions {
  /** One is sent before the statement: the statement shows at least that position. */
  readonly before: boolean
  /** One is sent after the statement: the statement shows at most that position. */
  readonly after: boolean
  /** Nothing is known about the server yet. */
  readonly stranger: boolean
  /** By `performance.now()`. */
  readonly sentAt: number
  answerBefore: PositionAnswer | undefined
  answerAfter: PositionAnswer | undefined
}

/** For a server that is known to be a standby. */
export const OF_STANDBY = 'select pg_last_wal_replay_lsn()'
const OF_ANY = `select case when r then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end,
       case when r then null else pg_walfile_name(pg_current_wal_insert_lsn()) end
  from pg_is_in_recovery() as r`
/** The first question to a server that was never probed: also asks for its cluster, and a standby's timeline. */
const OF_STRANGER = `select case when r then pg_last_wal_replay_lsn() else pg_current_wal_insert_lsn() end,
       case when r then null else pg_walfile_name(pg_current_wal_insert_lsn()) end,
       (select system_identifier from pg_control_system()),
       (select timeline_id from pg_control_checkpoint())
  from pg_is_in_recovery() as r`

/**
 * @param onAnswer - gets `undefined` if the server did not say.
 * @param about - what is sent before it, if the question is about that: see `InternalQueryExchange`.
 */
export function positionQuestion(
  { provenStandby }: Pick<Lease, 'provenStandby'>,
  stranger: boolean,
  onAnswer: (answer: PositionAnswer | undefined) => void,
  about?: readonly Exchange[],
): InternalQueryExchange {
  const text = stranger ? OF_STRANGER : provenStandby ? OF_STANDBY : OF_ANY
  const read = (fields: Fields | undefined): void => onAnswer(fields === undefined ? undefined : readPosition(fields))
  return new InternalQueryExchange(text, read, about)
}

/** Reads the answer to a position query; `undefined` if it holds no position. */
export function readPosition([position, file, system, checkpointTimeline]: Fields): PositionAnswer | undefined {
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
