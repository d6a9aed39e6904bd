import { randomUUID } from 'node:crypto'
import { knownStatementsOn } from '../prepared-statements/statements-on.ts'
import { useOf } from '../prepared-statements/prepared-statement-execution.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { readIntroduction, type Introduction } from '../probe/probe-question.ts'
import { normalizeInsertLsn, parseLsn } from '../topology/lsn.ts'
import { isRefusedQuestion } from '../driver-errors.ts'
import type { Exchange } from '../wire/exchange.ts'
import { REPLAY_LSN } from '../wire/replay-lsn-sql.ts'
import { InternalQueryExchange, type Fields } from '../exchange/internal-query-exchange.ts'

/** A server's position, as it answers on the connection that was asked. */
export interface PositionAnswer {
  readonly standby: boolean
  /** Replay position of a standby, insert position of a primary. */
  readonly lsn: bigint
  /** Of a standby only from a connection that introduces itself. */
  readonly timeline: number | undefined
  /** Only from a connection that introduces itself. */
  readonly systemIdentifier: string | undefined
}

/** What was heard. */
export interface PositionReply {
  /** `refused` if this role may not ask that there, `undefined` if the server did not say. */
  readonly position: PositionAnswer | 'refused' | undefined
  /** Who has answered, if that was asked. */
  readonly introduction: Introduction | undefined
}

/**
 * Whether the server that ran what the questions went with has told that it was in recovery: behind a pooler in the same transaction, otherwise on
 * the same connection, which has told of no promotion since.
 */
export function wasToldInRecovery(
  { direct, standby }: Pick<Lease, 'direct' | 'standby'>,
  questions: Pick<PositionQuestions, 'shared' | 'answerBefore' | 'answerAfter'> | undefined,
): boolean {
  if (questions === undefined) return false
  const { shared, answerBefore, answerAfter } = questions
  // Recovery never begins again, so that what was sent ahead of an answer ran in it, too.
  if (isOfStandby(answerAfter)) return shared || direct === true
  return isOfStandby(answerBefore) && (shared || (direct === true && standby))
}

function isOfStandby({ position, introduction }: PositionReply): boolean {
  return introduction?.standby ?? (position !== undefined && position !== 'refused' && position.standby)
}

export const NO_REPLY: PositionReply = { position: undefined, introduction: undefined }
/** The question was not sent, or its connection died: that says nothing about the server. */
export const LOST_REPLY: PositionReply = { position: undefined, introduction: undefined }
const REFUSED: PositionReply = { position: 'refused', introduction: undefined }

/** The position queries that travel with a statement, and their answers. */
export interface PositionQuestions {
  /** One is sent before the statement: the statement shows at least that position. */
  readonly before: boolean
  /** One is sent after the statement: the statement shows at most that position. */
  readonly after: boolean
  /** The one after it runs in an open transaction, which it must not abort. */
  readonly inside: boolean
  /** Each must share the statement's transaction, because another may run on another machine. */
  readonly shared: boolean
  /** Its server was taken for a primary, which shows everything, so that nothing was to be proven. */
  readonly ofPrimary: boolean
  /** The connection's first question: it asks for the machine, too. */
  readonly introduction: string | undefined
  /** By `performance.now()`. */
  readonly sentAt: number
  answerBefore: PositionReply
  answerAfter: PositionReply
}

/** For a server that is known to be a standby. It answers nothing if it was promoted since. */
export const OF_STANDBY: string = `select ${REPLAY_LSN}`
/** For one that may be either. */
export const OF_ANY = `select case when r then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_insert_lsn() end,
       case when r then null else pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()) end
  from pg_catalog.pg_is_in_recovery() as r`

/**
 * A right can be revoked at any time, and the savepoint keeps the transaction from being aborted by that. Nobody else has one of this
 * name: going back to it would undo the failure of a transaction that has failed meanwhile.
 */
const SAVEPOINT = `pg_nearest_${randomUUID().replaceAll('-', '')}`
const GUARD = `savepoint ${SAVEPOINT}; `
const UNGUARD = `rollback to savepoint ${SAVEPOINT}; release savepoint ${SAVEPOINT}`

interface QuestionPlace {
  /** See {@link PositionQuestions}. */
  readonly inside: boolean
  readonly introduction: string | undefined
  /** What is sent before it, if the question is about that: see `InternalQueryExchange`. */
  readonly about?: readonly Exchange[]
}

/** The exchanges that ask for a position. They are answered together, and cost nothing but what they carry. */
export function positionQuestion(
  { provenStandby, direct, client }: Pick<Lease, 'provenStandby' | 'direct' | 'client'>,
  { inside, introduction, about }: QuestionPlace,
  onReply: (reply: PositionReply) => void,
): readonly Exchange[] {
  const introduces = introduction !== undefined
  const text = introduction ?? (provenStandby ? OF_STANDBY : OF_ANY)
  if (!inside) {
    const statements = introduces || direct !== true ? undefined : knownStatementsOn(client)
    const prepared = statements && useOf(statements, text)
    const answered = (fields: Fields | undefined, error: unknown, isLost?: boolean): void =>
      onReply(isLost === true ? LOST_REPLY : readReply(fields, error, introduces))
    return [new InternalQueryExchange(text, answered, about, prepared)]
  }
  let reply = NO_REPLY
  const question = new InternalQueryExchange(
    GUARD + text,
    (fields, error) => (reply = readReply(fields, error, introduces)),
    about,
  )
  return [question, new InternalQueryExchange(UNGUARD, () => onReply(reply), about)]
}

/** Reads what was heard behind or ahead of a statement. */
export function readReply(fields: Fields | undefined, error: unknown, introduces = false): PositionReply {
  if (fields === undefined) return isRefusedQuestion(error) ? REFUSED : NO_REPLY
  if (!introduces) return { position: readPosition(fields), introduction: undefined }
  const introduction = readIntroduction(fields)
  return { position: positionOf(introduction), introduction }
}

function positionOf({ standby, lsn, timeline, systemIdentifier }: Introduction): PositionAnswer | 'refused' {
  if (lsn === undefined) return 'refused'
  return { standby, lsn: standby ? lsn : normalizeInsertLsn(lsn), timeline, systemIdentifier }
}

/** Reads the answer to a position query; `undefined` if it holds no position. */
function readPosition([position, file]: Fields): PositionAnswer | undefined {
  const lsn = parseLsn(position)
  if (lsn === undefined) return undefined
  if (file === undefined || file === null)
    return { standby: true, lsn, timeline: undefined, systemIdentifier: undefined }
  return {
    standby: false,
    lsn: normalizeInsertLsn(lsn),
    timeline: Number.parseInt(file.slice(0, 8), 16),
    systemIdentifier: undefined,
  }
}
