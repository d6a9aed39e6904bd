import type pg from 'pg'
import type { Lane } from '../lanes/lane.ts'
import type { LaneEnd, LaneRead, Question } from '../lane-batch/lane-read.ts'
import { onAbort } from '../limits/on-abort.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { ReplicaBehindError } from '../session-positions/replica-behind-error.ts'
import {
  NO_REPLY,
  OF_ANY,
  OF_STANDBY,
  readReply,
  type PositionQuestions,
  type PositionReply,
} from '../session-positions/position-question.ts'
import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import type { Trust } from '../freshness/statement-ending.ts'
import { queryTimeoutOf } from '../route/request.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import type { SyncSharing } from '../statement/sync-sharing.ts'
import { factsOf } from '../statement/text-facts.ts'
import { CALLER, type Called } from '../tracers/caller-context.ts'
import { sentValues } from '../wire/pg-internals.ts'
import type { WalkFacts } from '../walk-states/walk-state.ts'
import type { RideContext } from './ride-context.ts'

/** The server refuses more. */
const MOST_VALUES = 65_535
const MOST_CHARACTERS = 1_000_000

/** With whom a statement may share a connection; `undefined`: with nobody. */
export function sharingOf(
  engine: RideContext,
  { reads }: Pick<WalkFacts, 'reads'>,
  need: StatementNeed,
  config: pg.QueryConfig,
): SyncSharing | undefined {
  if (!reads || need.class !== 'read') return undefined
  // One that may be cancelled alone shares with nobody.
  if (engine.hedging !== undefined || engine.queryTimeoutMs !== undefined) return undefined
  for (const key in config) if (!SHARED.has(key) && config[key as keyof typeof config] !== undefined) return undefined
  const { text, values } = config
  if (typeof text !== 'string' || queryTimeoutOf(config) !== undefined) return undefined
  if (values !== undefined && (!Array.isArray(values) || values.length > MOST_VALUES)) return undefined
  return factsOf(text).sharing
}

/** A signal and `timeoutMs` end the call and not the connection, and `consistency` is asked for as elsewhere. */
const SHARED: ReadonlySet<string> = new Set([
  'text',
  'values',
  'rowMode',
  'types',
  'signal',
  'timeoutMs',
  'consistency',
])

/** A read that wants to share a connection. */
export interface RideRequest {
  /** By {@link withSentValues}. */
  readonly config: pg.QueryConfig
  readonly sharing: SyncSharing
  /** Its text with what a tracer has added to it. */
  sent: string | undefined
  readonly check: FreshnessCheck | undefined
  readonly trust: Trust
  readonly signal: AbortSignal | undefined
}

export type RideEnd =
  | { readonly kind: 'result'; readonly result: pg.QueryResult }
  /** Its server lacked what it must show. */
  | { readonly kind: 'behind'; readonly error: ReplicaBehindError }
  | { readonly kind: 'cut'; readonly error: unknown }
  /** It must run where it is alone. */
  | Exclude<LaneEnd, { readonly kind: 'result' }>

/** What a read needs to travel in a lane. */
export interface Ticket {
  readonly values: LaneRead['values']
  readonly questions: PositionQuestions | undefined
}

/** `undefined`: on this connection more must be asked than a lane can, or it cannot be sent. */
export function ticketFor(lease: Lease, { config, check, trust, signal }: RideRequest): Ticket | undefined {
  if (signal?.aborted === true) return undefined
  // A statement that may share is one that a position can be asked for behind it.
  const questions = check?.begin(lease, trust, false, () => true)
  if (questions instanceof ReplicaBehindError) return undefined
  if (questions !== undefined && (questions.shared || questions.introduction !== undefined)) return undefined
  if (questions?.before === true && !lease.provenStandby) return undefined
  const { values = NONE } = config as { readonly values?: readonly unknown[] }
  return areSendable(values) ? { values, questions } : undefined
}

/** One that cannot be sent is told as pg tells it, where it is alone. */
function areSendable(values: readonly unknown[]): values is LaneRead['values'] {
  let characters = 0
  for (const value of values) {
    if (typeof value !== 'string' && value !== null && !Buffer.isBuffer(value)) return false
    characters += value?.length ?? 0
  }
  return characters <= MOST_CHARACTERS
}

const NONE: LaneRead['values'] = []

type Given = pg.QueryConfig & { [CALLER]?: Called[typeof CALLER] }

/** A statement that may share, with its values as they are sent: what converts them is the caller's, and is called once, however often it is sent. */
export function withSentValues(config: pg.QueryConfig): pg.QueryConfig {
  const { text, values, rowMode, types, [CALLER]: caller } = config as Partial<pg.QueryArrayConfig> & Given
  if (values === undefined && caller === undefined) return config
  const sent: Partial<pg.QueryArrayConfig> & Given = { text }
  if (values !== undefined) sent.values = sentValues(values)
  if (rowMode !== undefined) sent.rowMode = rowMode
  if (types !== undefined) sent.types = types
  if (caller !== undefined) sent[CALLER] = caller
  return sent
}

/** Runs a read in a lane. Calls back once. */
export function rideLane(lane: Lane, ticket: Ticket, request: RideRequest, onEnd: (end: RideEnd) => void): LaneRide {
  const ride = new LaneRide(lane, ticket, request, onEnd)
  lane.add(ride)
  return ride
}

type Answered = Extract<LaneEnd, { readonly kind: 'result' }>

function replyOf(answer: Answered['answer']): PositionReply {
  return answer === undefined ? NO_REPLY : answer.meaning(readPositionReply)
}

function readPositionReply(row: readonly (string | null)[]): PositionReply {
  return readReply(row, undefined)
}

const ASK_STANDBY: Question = { text: OF_STANDBY, columns: 1 }
const ASK_ANY: Question = { text: OF_ANY, columns: 2 }

export class LaneRide implements LaneRead {
  readonly text: string
  readonly sent: string
  readonly values: LaneRead['values']
  readonly rowMode: 'array' | undefined
  readonly types: pg.CustomTypesConfig | undefined
  readonly sharing: SyncSharing
  readonly asksAhead: boolean
  readonly question: Question | undefined = undefined
  readonly #lane: Lane
  readonly #request: RideRequest
  readonly #questions: PositionQuestions | undefined
  readonly #onEnd: (end: RideEnd) => void
  readonly #forget: (() => void) | undefined
  #over = false

  constructor(lane: Lane, { values, questions }: Ticket, request: RideRequest, onEnd: (end: RideEnd) => void) {
    const { config, sharing, signal, sent } = request
    this.text = config.text
    this.sent = sent ?? config.text
    this.values = values
    this.rowMode = (config as Partial<pg.QueryArrayConfig>).rowMode
    this.types = config.types
    this.sharing = sharing
    this.asksAhead = questions?.before === true
    if (questions?.after === true) this.question = lane.lease.provenStandby ? ASK_STANDBY : ASK_ANY
    this.#lane = lane
    this.#request = request
    this.#questions = questions
    this.#onEnd = onEnd
    this.#forget = signal && onAbort(signal, () => this.abandon(signal.reason))
  }

  get abandoned(): boolean {
    return this.#over
  }

  /** Ends it, and cancels it if nobody waits for anything else in its lane. */
  abandon(reason: unknown): void {
    this.#tell({ kind: 'cut', error: reason })
    this.#lane.abandon()
  }

  end(end: LaneEnd): void {
    if (this.#over) return
    // What cannot be recorded was not shown.
    let told: RideEnd = { kind: 'failed' }
    try {
      told = end.kind === 'result' ? this.#weigh(end) : end
    } finally {
      this.#tell(told)
    }
  }

  /** Records what it has shown. */
  #weigh({ result, ahead, answer }: Answered): RideEnd {
    const { check, trust } = this.#request
    const { lease } = this.#lane
    const questions = this.#questions
    if (questions?.before === true) questions.answerBefore = replyOf(ahead)
    if (questions?.after === true) questions.answerAfter = replyOf(answer)
    const lacking = questions?.before === true ? check?.arrived(lease, questions) : undefined
    const behind = lacking ?? check?.end(lease, { trust, questions, mayHaveWritten: false, outcome: 'answered' })
    return behind === undefined ? { kind: 'result', result } : { kind: 'behind', error: behind }
  }

  #tell(end: RideEnd): void {
    if (this.#over) return
    this.#over = true
    this.#forget?.()
    this.#onEnd(end)
  }
}
