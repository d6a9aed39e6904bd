import type pg from 'pg'
import { raiseLater } from '../raise-later.ts'
import type { RowTexts } from '../lane-codec/decode-data-row.ts'
import { MessageWriter } from '../lane-codec/message-writer.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { internalsOf } from '../wire/pg-internals.ts'
import { REPLAY_LSN } from '../wire/replay-lsn-sql.ts'
import { BatchAnswer } from '../lane-batch/shared-batch-row.ts'
import { BatchExchange, type BatchEnd } from '../lane-batch/batch-exchange.ts'
import { groupReads } from '../lane-batch/group-reads.ts'
import type { LaneConnection } from './shareable-connection.ts'
import type { LaneEnd, LaneRead, Rescue } from '../lane-batch/lane-read.ts'
import {
  AskingStatement,
  ReadStatement,
  type LaneStatement,
  type RowShape,
} from '../lane-batch/lane-statement-response.ts'
import { unnamed, type PreparedStatement } from '../prepared-statements/prepared-statements.ts'
import { isValueTooLong } from '../result-value-too-long.ts'

/** What a lane tells of itself. */
export interface LaneEvents {
  /** How long an answer takes at least, in milliseconds. */
  wayMs(): number
  /** A batch took so long, and was answered. */
  onAnswered(ms: number): void
  /** The server has refused this text, and with it its batch. */
  onCulprit(text: string): void
  /** One batch is to be sent at a time where it is not known that more are answered. */
  isDoubted(): boolean
  /** Its connection has died with something in flight. Returns whether that may be sent again. */
  onLost(lease: Lease, error: unknown): boolean
  /** Nothing is in flight any more, or it is of no use. It gives its connection back. */
  onOver(lane: Lane): void
}

/** What precedes each batch: it can write nothing, on a standby either, which may have been promoted since its last answer, and tells in what it runs. */
const RESTRICTION = {
  text: `select pg_catalog.set_config('transaction_read_only', 'on', true), pg_catalog.current_setting('transaction_isolation'), pg_catalog.pg_backend_pid()`,
  columns: 3,
}

/** The same, with the position that all behind it show at least. */
const RESTRICTION_OF_STANDBY = { text: `${RESTRICTION.text}, ${REPLAY_LSN}`, columns: 4 }

const MANY_BATCHES = 4
const SMALL_BATCH = 16
const SHORT_WAY_MS = 2

const FAILED: LaneEnd = { kind: 'failed' }

const writer = new MessageWriter()

/** One connection with many reads on it. Those that may share a transaction share a Sync. */
export class Lane {
  readonly lease: Lease
  readonly #connection: LaneConnection
  readonly #events: LaneEvents
  /** Those that its client had at first: whoever holds that may give it others. */
  readonly #types: pg.CustomTypesConfig
  #waiting: LaneRead[] = []
  readonly #batches = new Set<BatchExchange>()
  #inFlight = 0
  #over = false
  /** One read has it to itself. */
  #isolated = false
  #hasAbandoned = false
  /** How many reads have come along. */
  #served = 0
  #heard = 0
  #heardAt = 0
  #awaited: ReadStatement | undefined
  #awaitedSince = 0

  constructor(lease: Lease, connection: LaneConnection, events: LaneEvents) {
    this.lease = lease
    this.#connection = connection
    this.#events = events
    const { _types: types } = internalsOf(lease.client)
    this.#types = types
    lease.movable = true
  }

  /** Reads that somebody may wait for. */
  get inFlight(): number {
    return this.#isolated ? 1 : this.#inFlight
  }

  /** Whoever holds its connection waits for it since so long. To be asked again and again. */
  wantedMs(now: number): number {
    return now - (this.lease.holder?.wantedSince ?? now)
  }

  /** Another read may come along. */
  get open(): boolean {
    if (this.#over || this.#isolated) return false
    return this.lease.alive && !this.lease.spent && this.#served < this.lease.usesLeft
  }

  /** It is sent with all others of this turn of the event loop. */
  add(read: LaneRead): void {
    if (this.#waiting.push(read) === 1) this.#flushLater()
    this.#inFlight++
    this.#served++
  }

  #flushLater(): void {
    process.nextTick(() => this.#flush())
  }

  /**
   * Many small batches are in flight: those that wait are sent when one of them has been answered. The server would come to them no sooner,
   * and what is sent one by one costs several times as much: each answer brings new reads, of other tables than its own.
   */
  get #isCrowded(): boolean {
    const { size } = this.#batches
    if (size < MANY_BATCHES || this.#events.wayMs() > SHORT_WAY_MS) return false
    return this.#inFlight - this.#waiting.length < size * SMALL_BATCH
  }

  /** For how long nothing has come, though something was sent. To be asked again and again. */
  silentMs(now: number): number {
    const [first] = this.#batches
    const { bytesRead } = internalsOf(this.lease.client).connection.stream
    if (bytesRead !== this.#heard || first === undefined) {
      this.#heard = bytesRead
      this.#heardAt = now
      return 0
    }
    return now - Math.max(first.sentAt, this.#heardAt)
  }

  /** A pooler may have forgotten what was sent. */
  get isDoubtful(): boolean {
    const [first] = this.#batches
    return first?.follows === true && !this.#connection.hasPipelined
  }

  /** For how long the same read's answer is what comes next. To be asked again and again. */
  awaitedMs(now: number): number {
    const [first] = this.#batches
    const awaited = first?.awaited
    if (awaited !== this.#awaited || awaited === undefined) {
      this.#awaited = awaited
      this.#awaitedSince = now
    }
    return now - this.#awaitedSince
  }

  /** Leaves the connection to the read whose answer is coming. Ends all others, so that they run elsewhere. */
  isolate(rescueOf: (reads: number, slow: string) => Rescue): void {
    const alone = this.#awaited?.read
    if (alone === undefined) return
    this.#isolated = true
    const others = this.#reads().filter((read) => read !== alone && !read.abandoned)
    const rescue = rescueOf(others.length, alone.text)
    for (const read of others) endRead(read, { kind: 'slow', rescue })
    this.abandon()
  }

  /** Ends all that has not been answered, so that it runs elsewhere, and cancels it here. */
  rescue(rescueOf: (reads: number, onNobody: () => void) => Rescue): void {
    const reads = this.#reads().filter(({ abandoned }) => !abandoned)
    const [silent] = this.#batches
    const rescue = rescueOf(reads.length, () => {
      for (const statement of silent?.statements ?? []) {
        if (statement instanceof ReadStatement && !statement.parses)
          this.#connection.statements.suspect(statement.prepared.text, performance.now())
      }
    })
    this.#cancel({ kind: 'slow', rescue })
  }

  /** Nobody waits for one of its reads any more. Only when nobody waits for any, they are cancelled: that hits no neighbour. */
  abandon(): void {
    if (this.#over) return
    const reads = this.#reads()
    this.#hasAbandoned = reads.some(({ abandoned }) => abandoned)
    if (reads.every(({ abandoned }) => abandoned)) this.#cancel(FAILED)
  }

  #cancel(end: LaneEnd): void {
    const statements = [...this.#batches].flatMap((batch) => batch.statements)
    // Those that have not been written are lost with that.
    this.#batches.clear()
    if (statements.length > 0) attempt(undefined, () => void this.lease.cancel())
    // What is cancelled may skip a Parse.
    this.#connection.statements.doubt()
    this.#endAll(end, statements)
  }

  #reads(): readonly LaneRead[] {
    return [...[...this.#batches].flatMap(({ statements }) => readsOf(statements)), ...this.#waiting]
  }

  #flush(): void {
    if (this.#over || this.#waiting.length === 0 || this.#isCrowded) return
    // Something may have come meanwhile that pg has read by half.
    if (this.#batches.size === 0 && this.lease.alive && !this.lease.readable) return this.#endAll(FAILED)
    const oneByOne = !this.#connection.hasPipelined && this.#events.isDoubted()
    if (oneByOne && this.#batches.size > 0) return
    const now = performance.now()
    const reads = this.#hasAbandoned ? this.#waiting.filter(({ abandoned }) => !abandoned) : this.#waiting
    try {
      const groups = groupReads(reads, this.#batches.size === 0)
      const sent = oneByOne ? groups.slice(0, 1) : groups
      const batches = sent.map((group) => this.#batchOf(group, now))
      for (const batch of batches) {
        batch.follows = this.#batches.size > 0
        this.#batches.add(batch)
      }
      this.#inFlight -= this.#waiting.length - reads.length
      this.#waiting = groups.slice(sent.length).flat()
      this.lease.send(...batches)
    } catch (error) {
      raiseLater(error)
      // What was not sent counts as prepared.
      this.#connection.isUnfit = true
      writer.take()
      this.#endAll(FAILED)
    }
  }

  #batchOf(reads: readonly LaneRead[], now: number): BatchExchange {
    const statements: LaneStatement[] = []
    const restriction = reads.some(({ asksAhead }) => asksAhead) ? RESTRICTION_OF_STANDBY : RESTRICTION
    statements.push(new AskingStatement(this.#prepare(restriction.text, now), restriction))
    const shapes = new Map<string, RowShape>()
    for (const read of reads) {
      let shape = shapes.get(read.text)
      const isFirst = shape === undefined
      if (shape === undefined) shapes.set(read.text, (shape = { fields: undefined }))
      // A comment for each request is worth no name.
      const isKept = read.sent === read.text && read.sharing.parsesAnew === undefined
      const prepared = isKept ? this.#prepare(read.text, now) : unnamed(read.text)
      const statement = new ReadStatement(prepared, read, shape, this.#types)
      statement.describes = isFirst
      statements.push(statement)
    }
    const question = reads.find((read) => read.question !== undefined)?.question
    if (question !== undefined) statements.push(new AskingStatement(this.#prepare(question.text, now), question))
    this.#write(statements)
    return new BatchExchange(statements, writer.take(), now, (batch, end) => this.#ended(batch, end))
  }

  /** Until it is known that no pooler is in between, nothing is left on its servers. */
  #prepare(text: string, now: number): PreparedStatement {
    const { isKnown, statements } = this.#connection
    return isKnown ? statements.of(text, now) : unnamed(text)
  }

  #write(statements: readonly LaneStatement[]): void {
    const [first] = statements
    for (const leaving of this.#connection.statements.takeLeaving()) {
      writer.closeStatement(leaving.encodedName)
      if (first !== undefined) first.closes++
    }
    for (const statement of statements) {
      this.#writeParse(statement)
      writer.bind(statement.prepared.encodedName, statement instanceof ReadStatement ? statement.read.values : [])
      if (statement.describes) writer.describePortal()
      writer.execute()
    }
    writer.sync()
  }

  #writeParse(statement: LaneStatement): void {
    const { prepared } = statement
    if (prepared.parsed) return
    const { text, name, encodedName } = prepared
    const isNamed = name !== ''
    if (isNamed) {
      writer.closeStatement(encodedName)
      statement.closes++
    }
    writer.parse(encodedName, statement instanceof ReadStatement ? statement.read.sent : text)
    statement.parses = true
    prepared.parsed = isNamed
  }

  /** Its reads are taken out ahead of all else, so that whatever is thrown on the way, they are ended. */
  #ended(batch: BatchExchange, end: BatchEnd): void {
    if (!this.#batches.delete(batch)) return
    const reads = batch.statements.filter((statement) => statement instanceof ReadStatement)
    this.#inFlight -= reads.length
    if (end.kind === 'lost' && isValueTooLong(end.error)) return this.#endUnread(batch, end.error, reads)
    if (end.kind === 'unsent' || end.kind === 'lost') {
      return this.#endAll(end.kind === 'unsent' ? end : attempt(FAILED, () => this.#lossOf(end)), reads)
    }
    if (batch.follows) this.#connection.hasPipelined = true
    const isAnswered = attempt(false, () => this.#isAnswered(batch, end))
    const ahead = asBatchAnswer(answerOf(batch.statements[0])?.slice(RESTRICTION.columns))
    const answer = asBatchAnswer(answerOf(batch.statements.at(-1)))
    const limited = end.kind === 'refused' ? end.limited : undefined
    for (const statement of reads) {
      const { read, result } = statement
      if (isAnswered && result !== undefined) endRead(read, { kind: 'result', result, ahead, answer })
      else endRead(read, limited?.statement === statement ? { kind: 'limited', error: limited.error } : FAILED)
    }
    if (this.#inFlight === 0) this.#leave()
    // A pooler may have swallowed what was sent since.
    else if (this.#connection.isUnfit) this.#endAll(FAILED)
    else if (this.#hasAbandoned) this.abandon()
    // Not before what has come is read to its end, and those who were answered have given their next ones.
    if (this.#waiting.length > 0) queueMicrotask(() => this.#flushLater())
  }

  /** One read's answer cannot be read anywhere. The others run where they are alone. */
  #endUnread({ awaited }: BatchExchange, error: unknown, reads: readonly ReadStatement[]): void {
    this.#endAll(
      FAILED,
      reads.filter((statement) => statement !== awaited),
    )
    if (awaited === undefined) return
    attempt(undefined, () => this.#events.onCulprit(awaited.read.text))
    endRead(awaited.read, { kind: 'lost', error, mayResend: false })
  }

  #lossOf({ error }: Extract<BatchEnd, { kind: 'lost' }>): LaneEnd {
    return { kind: 'lost', error, mayResend: this.#events.onLost(this.lease, error) }
  }

  #isAnswered(batch: BatchExchange, end: Exclude<BatchEnd, { kind: 'unsent' | 'lost' }>): boolean {
    if (end.kind === 'answered') {
      this.#events.onAnswered(performance.now() - batch.sentAt)
      return this.#isSound(batch)
    }
    this.#connection.statements.doubt()
    // This role may not ask that.
    if (end.culprit === RESTRICTION.text) this.#connection.isUnfit = true
    else if (end.culprit !== undefined) this.#events.onCulprit(end.culprit)
    return false
  }

  /** It ran where and as it should. */
  #isSound({ statements: [restriction] }: BatchExchange): boolean {
    const connection = this.#connection
    const [, isolation, backend] = answerOf(restriction) ?? []
    this.lease.noteBackend(Number(backend))
    const isSound = isolation === 'read committed' && this.lease.direct === true && this.lease.status === 'I'
    if (isSound) connection.isKnown = true
    else connection.isUnfit = true
    return isSound
  }

  /** Nothing comes of these, and of what is in flight. */
  #endAll(end: LaneEnd, ended: readonly LaneStatement[] = []): void {
    const reads = [...readsOf(ended), ...this.#reads()]
    this.#batches.clear()
    this.#waiting = []
    this.#inFlight = 0
    this.#leave()
    for (const read of reads) endRead(read, end)
  }

  #leave(): void {
    if (this.#over) return
    this.#over = true
    this.lease.countUses(this.#served)
    attempt(undefined, () => this.#events.onOver(this))
    attempt(undefined, () => this.lease.release())
  }
}

/** Nobody else waits for ever because of what this throws. */
function endRead(read: LaneRead, end: LaneEnd): void {
  // Not by `attempt`: each read comes this way.
  try {
    read.end(end)
  } catch (error) {
    raiseLater(error)
  }
}

/** What this gives, or `otherwise` if it throws. */
function attempt<T>(otherwise: T, work: () => T): T {
  try {
    return work()
  } catch (error) {
    raiseLater(error)
    return otherwise
  }
}

/** Of one of our own. */
function answerOf(statement: LaneStatement | undefined): RowTexts | undefined {
  return statement instanceof AskingStatement ? statement.answer : undefined
}

function asBatchAnswer(row: RowTexts | undefined): BatchAnswer | undefined {
  return row && new BatchAnswer(row)
}

function readsOf(statements: readonly LaneStatement[]): readonly LaneRead[] {
  return statements.flatMap((statement) => (statement instanceof ReadStatement ? [statement.read] : []))
}
