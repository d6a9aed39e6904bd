import type pg from 'pg'
import type { Lease } from '../pooled-connection/lease.ts'
import { ReplicaBehindError } from '../session-positions/replica-behind-error.ts'
import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import type { Trust } from '../freshness/statement-ending.ts'
import type { FreshnessContext } from '../session-positions/freshness-context.ts'
import {
  LOST_REPLY,
  NO_REPLY,
  OF_STANDBY,
  positionQuestion,
  readReply,
  wasToldInRecovery,
  type PositionQuestions,
  type PositionReply,
} from '../session-positions/position-question.ts'
import { isCaughtUp, type PositionBefore } from '../freshness/caught-up-with-primary.ts'
import { startStallAwareTimer, type StallAwareTimer } from '../limits/stall-aware-timeout.ts'
import { isDemotion, isOfConnection, provesWrite, type Evidence } from '../route/failure-meaning.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import { writeOrder } from '../server-selection/server-selection.ts'
import { commitsUnseen, mayAskAfter, runsInside } from '../statement/may-ask-position.ts'
import { textOn } from '../wire/pg-internals.ts'
import { mayWriteByFunction } from '../statement/may-leave-trace.ts'
import { factsOf } from '../statement/text-facts.ts'
import { isValueTooLong } from '../result-value-too-long.ts'
import type { Exchange, StatementEnd, StatementResult } from '../wire/exchange.ts'
import { GroupExchange } from '../exchange/group-exchange.ts'
import { QuestionedStatementExchange } from '../exchange/questioned-statement-exchange.ts'
import { AS_TEXT, misledTo, ROLE, tellsStandby } from './ask-role.ts'
import { isUnadorned, preparedStatementExchanges, type Naming } from './automatic-preparation.ts'
import {
  isPlainOn,
  RESTRICTION,
  RESTRICTION_OF_SYNC,
  statementExchanges,
  type Enforcement,
} from './read-only-enforcement.ts'

/** A statement for one connection. */
export interface StatementRun extends Naming {
  readonly config: pg.QueryConfig
  readonly enforcement: Enforcement
  readonly check: FreshnessCheck | undefined
  readonly trust: Trust
  /** Whether a position query may be sent behind it is told from its text, when one is wanted. */
  readonly need: StatementNeed
  readonly context: Pick<FreshnessContext, 'topology' | 'positions' | 'alone'>
  /** What is known of a standby's position when it is sent. */
  readonly before: PositionBefore
}

/** How it ended: with its result, or with evidence of what went wrong. */
export type RunEnd = { readonly kind: 'result'; readonly result: StatementResult } | Evidence

type OnEnd = (end: RunEnd) => void

/**
 * Sends a statement with the position queries that its session needs. Calls back once: when everything has been answered, or when
 * the server turns out to lack what the statement must show. In that case the statement may still be running.
 */
export function runStatement(lease: Lease, given: StatementRun, onEnd: OnEnd): void {
  const { status } = lease
  const inside = given.check !== undefined && runsInside(status !== 'I', given.need)
  // In a transaction that has failed nothing is shown, written or answered.
  const run = inside && status === 'E' ? { ...given, check: undefined } : given
  const { check, trust, config, need } = run
  if (check === undefined) return send(lease, run, (end) => onEnd(conclude(lease, run, undefined, end)))
  const questions = check.begin(lease, trust, inside, () => mayAskAfter(textOn(lease.client, config), need))
  if (questions instanceof ReplicaBehindError) return onEnd({ kind: 'behind', error: questions })
  if (questions === undefined) {
    const asksRole = beginsAlone(lease, run) && check.mayBeMisled(lease, trust)
    const ended = (end: StatementEnd): void => onEnd(conclude(lease, run, undefined, end))
    return asksRole ? beginAskingRole(lease, run, ended, onEnd) : send(lease, run, ended)
  }
  if (questions.shared) return sendInOneTransaction(lease, run, questions, check, onEnd)
  if (mayShareSync(lease, run, questions)) return sendWithQuestion(lease, run, questions, onEnd)
  new QuestionedRun(lease, run, questions, check, onEnd).start()
}

function send(lease: Lease, run: StatementRun, onEnd: (end: StatementEnd) => void): void {
  lease.send(...exchangesOf(lease, run, onEnd))
}

function exchangesOf(lease: Lease, run: StatementRun, onEnd: (end: StatementEnd) => void): Exchange[] {
  const { config, enforcement } = run
  if (enforcement !== 'none') return statementExchanges(lease, config, enforcement, onEnd)
  return preparedStatementExchanges(lease, config, run, onEnd)
}

function beginsAlone({ status }: Lease, { config, need }: StatementRun): boolean {
  return status === 'I' && need.transaction?.kind === 'begin' && factsOf(config.text).is('single')
}

/** What is shown in a transaction is shown by the server on which it has begun. */
function beginAskingRole(
  lease: Lease,
  { config, enforcement }: StatementRun,
  ended: (end: StatementEnd) => void,
  onEnd: OnEnd,
): void {
  const restriction = enforcement === 'begin' ? [{ text: RESTRICTION }] : []
  lease.send(
    new GroupExchange([config, ROLE, ...restriction], lease.client, (ends) => {
      if (tellsStandby(ends[1])) return onEnd(misledTo(lease))
      ended(ends.find(({ kind }) => kind !== 'result') ?? (ends[0] as StatementEnd))
    }),
  )
}

/** A standby commits nothing, so statement and position query can share a Sync there, which costs half as much as two. */
function mayShareSync(
  lease: Lease,
  { config, enforcement }: StatementRun,
  { before, inside, introduction }: PositionQuestions,
): boolean {
  if (!lease.provenStandby || !lease.pipelines || !isPlainOn(lease, enforcement, config)) return false
  if (before || inside || introduction !== undefined) return false
  if (typeof config.text !== 'string' || !factsOf(config.text).is('single')) return false
  return isUnadorned(config) && (config.values === undefined || Array.isArray(config.values))
}

function sendWithQuestion(lease: Lease, run: StatementRun, questions: PositionQuestions, onEnd: OnEnd): void {
  const exchange: QuestionedStatementExchange = new QuestionedStatementExchange(
    run.config,
    OF_STANDBY,
    lease.client,
    (end) => {
      questions.answerAfter = readReply(exchange.answer, exchange.refusal)
      onEnd(conclude(lease, run, questions, end))
    },
  )
  lease.send(exchange)
}

/**
 * For a connection whose transactions may run on different machines: the questions share the statement's. A statement that cannot be sent
 * so proves nothing there.
 */
function sendInOneTransaction(
  lease: Lease,
  run: StatementRun,
  questions: PositionQuestions,
  check: FreshnessCheck,
  onEnd: OnEnd,
): void {
  const { config, enforcement } = run
  const { before, after, introduction = '' } = questions
  const isAlone = typeof config.text === 'string' && factsOf(config.text).is('single') && !('rows' in config)
  // Only a procedure could end the transaction that it shares, and with it its restriction.
  const isRestricted = enforcement === 'read' && run.need.class === 'read'
  const isKept = enforcement === 'begin' || isRestricted
  if (!isAlone || !(isKept || isPlainOn(lease, enforcement, config))) {
    return onEnd({ kind: 'behind', error: check.behind(lease.server) })
  }
  const question = { text: introduction, rowMode: 'array' as const, types: AS_TEXT }
  // A transaction's isolation can be set only ahead of its first query.
  const begins = run.need.transaction?.kind === 'begin'
  const asksAhead = before && !begins
  const ahead = [...(asksAhead ? [question] : []), ...(isRestricted ? [{ text: RESTRICTION_OF_SYNC }] : [])]
  const restriction = enforcement === 'begin' ? [{ text: RESTRICTION }] : []
  const afterwards = after || (before && begins) ? [question] : []
  lease.send(
    new GroupExchange([...ahead, config, ...restriction, ...afterwards], lease.client, (ends) => {
      const asked = asksAhead ? ends[0] : undefined
      const [statement, ...rest] = ends.slice(ahead.length)
      const last = afterwards.length > 0 ? rest.at(-1) : undefined
      questions.answerBefore = replyOf(begins ? last : asked)
      questions.answerAfter = replyOf(last)
      const isHeard = lease.alive && statement?.kind !== 'unsent'
      const lacking = before && isHeard ? check.arrived(lease, questions, mayWriteOn(lease, run)) : undefined
      // What fails in a transaction takes the rest along.
      const failed = statement?.kind === 'skipped' || (statement?.kind === 'result' && rest.some(isAnswered))
      if (failed) return onEnd({ kind: 'behind', error: lacking ?? check.behind(lease.server) })
      const end = statement as StatementEnd
      onEnd(lacking === undefined ? conclude(lease, run, questions, end) : behind(lease, run, questions, end, lacking))
    }),
  )
}

function isAnswered(end: StatementEnd | undefined): boolean {
  return end?.kind === 'answered'
}

function replyOf(end: StatementEnd | undefined): PositionReply {
  if (end?.kind === 'answered') return readReply(undefined, end.error)
  if (end?.kind !== 'result') return NO_REPLY
  const [row] = (end.result as pg.QueryArrayResult<(string | null)[]>).rows
  return readReply(row, undefined, true)
}

/** By a function that it calls, though it looks like a read. */
function mayWriteOn({ provenStandby }: Lease, { enforcement, config }: StatementRun): boolean {
  return enforcement === 'none' && !provenStandby && mayWriteByFunction(config.text)
}

/** Records the end of a statement for its session, and turns it into evidence. */
function conclude(
  lease: Lease,
  run: StatementRun,
  questions: PositionQuestions | undefined,
  end: StatementEnd,
): RunEnd {
  const { check, trust, context, before, enforcement, config, need } = run
  const mayHaveWritten = mayWriteOn(lease, run)
  const isOver = end.kind === 'result' || end.kind === 'unreadable' || end.kind === 'answered'
  if (isOver && !lease.provenStandby && commitsUnseen(config.text, need, lease.status !== 'I')) check?.markUnknown()
  switch (end.kind) {
    case 'result': {
      const lacking = check?.end(lease, { trust, questions, mayHaveWritten, outcome: 'answered' })
      return lacking === undefined ? end : behind(lease, run, questions, end, lacking)
    }
    case 'unreadable': {
      const lacking = check?.end(lease, { trust, questions, mayHaveWritten, outcome: 'answered' })
      return lacking === undefined
        ? { kind: 'unreadable', error: end.error }
        : behind(lease, run, questions, end, lacking)
    }
    case 'answered': {
      // Its machine may have told with this answer who it is, which is evidence, too.
      const lacking = check?.end(lease, { trust, questions, mayHaveWritten, outcome: 'refused' })
      const evidence = evidenceOfAnswer(lease, end.error, context, before)
      // Whoever had the connection before may have left it READ ONLY.
      const isUnasked = enforcement === 'none' && !lease.standby && lease.status === 'I'
      if (isUnasked && provesWrite(end.error)) lease.doom()
      // It is refused there whatever the server shows.
      return lacking === undefined || isDemotion(end.error) ? evidence : behind(lease, run, questions, end, lacking)
    }
    case 'skipped':
      return { kind: 'unsent', error: new Error('The statement was skipped') }
    case 'unsendable':
    case 'unsent':
      return { kind: end.kind, error: end.error }
    case 'lost':
      // What it has called may be committed, though nobody could read what it returned.
      return mayHaveWritten ? { kind: 'lost', error: end.error } : evidenceOfLoss(end.error)
  }
}

/**
 * What is told of a server that lacks what a read must show, though the read was sent.
 *
 * @param end - `undefined`: it has not ended yet.
 */
function behind(
  lease: Lease,
  { enforcement, need, config }: StatementRun,
  questions: PositionQuestions | undefined,
  end: StatementEnd | undefined,
  error: ReplicaBehindError,
): Evidence {
  const hadNoEffect = end?.kind === 'answered' && need.mayCommitInside !== true
  const couldWrite = enforcement === 'none' && !lease.provenStandby && !wasToldInRecovery(lease, questions)
  const mayHaveWritten = couldWrite && !hadNoEffect
  return { kind: 'behind', error, mayHaveWritten, callsFunction: mayHaveWritten && mayWriteByFunction(config.text) }
}

/** Of a statement whose connection has died with this. */
export function evidenceOfLoss(error: unknown): Evidence {
  return isValueTooLong(error) ? { kind: 'lost', error, ofAnswer: true } : { kind: 'lost', error }
}

/** What a server's error says of it. Its connection is closed on release, if that is at fault. */
export function evidenceOfAnswer(
  lease: Lease,
  error: unknown,
  context: StatementRun['context'],
  before: PositionBefore,
): Evidence {
  if (isOfConnection(error) || isDemotion(error)) lease.doom()
  // Its name led to a standby when the connection was made, and leads to the primary now, or may.
  const isWriters = context.alone || writeOrder(context.topology)[0]?.name === lease.server
  if (isWriters && lease.standby && provesWrite(error)) lease.doom()
  const level = isCaughtUp(context, before, performance.now())
  return { kind: 'answered', error, level, nothingCommitted: lease.committedNothing }
}

/** How long to wait for a statement on a server that is behind before cancelling it: it may be nearly done. */
const NEARLY_THROUGH_MS = 3

/** A statement with position queries ahead of it and behind it. Each has its own Sync, because a write is committed only with its Sync. */
class QuestionedRun {
  readonly #lease: Lease
  readonly #run: StatementRun
  readonly #questions: PositionQuestions
  readonly #check: FreshnessCheck
  readonly #onEnd: OnEnd
  #open: number
  #end: StatementEnd | undefined
  #behind: ReplicaBehindError | undefined
  #timer: StallAwareTimer | undefined
  #told = false

  constructor(lease: Lease, run: StatementRun, questions: PositionQuestions, check: FreshnessCheck, onEnd: OnEnd) {
    this.#lease = lease
    this.#run = run
    this.#questions = questions
    this.#check = check
    this.#onEnd = onEnd
    this.#open = 1 + Number(questions.before) + Number(questions.after)
  }

  start(): void {
    const lease = this.#lease
    const { before, after, inside, introduction } = this.#questions
    const exchanges: Exchange[] = []
    if (before) {
      exchanges.push(
        ...positionQuestion(lease, { inside: false, introduction }, (reply) => {
          this.#questions.answerBefore = reply
          this.#arrived()
        }),
      )
    }
    const ended = (end: StatementEnd): void => {
      this.#end = end
      this.#landed()
    }
    const statement = exchangesOf(lease, this.#run, ended)
    exchanges.push(...statement)
    if (after) {
      const answered = (reply: PositionReply): void => {
        this.#questions.answerAfter = reply
        this.#landed()
      }
      const again = before ? undefined : introduction
      exchanges.push(...positionQuestion(lease, { inside, introduction: again, about: statement }, answered))
    }
    lease.send(...exchanges)
  }

  #arrived(): void {
    const isHeard = this.#questions.answerBefore !== LOST_REPLY && this.#lease.alive
    const mayWrite = mayWriteOn(this.#lease, this.#run)
    this.#behind = isHeard ? this.#check.arrived(this.#lease, this.#questions, mayWrite) : undefined
    const lacking = this.#behind
    if (lacking !== undefined && this.#end === undefined) {
      this.#timer = startStallAwareTimer(NEARLY_THROUGH_MS, () => this.#tellBehind(lacking))
    }
    this.#landed()
  }

  #landed(): void {
    this.#open--
    if (this.#open === 1 && this.#questions.after && this.#end !== undefined && this.#behind === undefined) {
      this.#timer = this.#lease.awaitPosition()
    }
    if (this.#open > 0 || this.#told) return
    if (this.#behind !== undefined) return this.#tellBehind(this.#behind)
    this.#tell(conclude(this.#lease, this.#run, this.#questions, this.#end as StatementEnd))
  }

  #tellBehind(error: ReplicaBehindError): void {
    this.#tell(behind(this.#lease, this.#run, this.#questions, this.#end, error))
  }

  #tell(end: RunEnd): void {
    if (this.#told) return
    this.#told = true
    this.#timer?.stop()
    this.#onEnd(end)
  }
}
