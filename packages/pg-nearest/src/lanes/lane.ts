import { raiseLater } from '../raise-later.ts'
import { isPooled } from '../pg-client/pooled-backend.ts'
import { MessageWriter } from '../lane-codec/message-writer.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { internalsOf } from '../wire/pg-internals.ts'
import { BatchExchange, type BatchEnd } from '../lane-batch/batch-exchange.ts'
import { groupReads } from '../lane-batch/group-reads.ts'
import type { LaneConnection } from './lane-connection.ts'
import type { LaneEnd, LaneRead, Rescue } from '../lane-batch/lane-read.ts'
import { AskingStatement, ReadStatement, type LaneStatement, type RowShape } from '../lane-batch/lane-statement.ts'
import { unnamed, type PreparedStatement } from '../lane-batch/prepared-statements.ts'

/** What a lane tells of itself. */
export interface LaneEvents {
  /** A batch took so long, and was answered. */
  onAnswered(ms: number): void
  /** The server has refused this text, and with it its batch. */
  onCulprit(text: string): void
  /** Its connection has died with something in flight. Returns whether that may be sent again. */
  onLost(lease: Lease, error: unknown): boolean
  /** Nothing is in flight any more, or it is of no use. It gives its connection back. */
  onOver(lane: Lane): void
}

/** What precedes each batch: it can write nothing, and tells in what it runs. */
const RESTRICTION = {
  text: `select pg_catalog.set_config('transaction_read_only', 'on', true), pg_catalog.current_setting('transaction_isolation'), pg_catalog.pg_backend_pid()`,
  columns: 3,
}

const FAILED: LaneEnd = { kind: 'failed' }

const writer = new MessageWriter()

/** One connection with many reads on it. Those that may share a transaction share a Sync. */
export class Lane {
  readonly lease: Lease
  readonly #connection: LaneConnection
  readonly #events: LaneEvents
  #waiting: LaneRead[] = []
  readonly #batches = new Set<BatchExchange>()
  #inFlight = 0
  #over = false
  #hasAbandoned = false
  #heard = 0
  #heardAt = 0

  constructor(lease: Lease, connection: LaneConnection, events: LaneEvents) {
    this.lease = lease
    this.#connection = connection
    this.#events = events
    lease.movable = true
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Another read may come along. */
  get open(): boolean {
    return !this.#over && this.lease.alive && !this.lease.spent
  }

  /** It is sent with all others of this turn of the event loop. */
  add(read: LaneRead): void {
    if (this.#waiting.push(read) === 1) process.nextTick(() => this.#flush())
    this.#inFlight++
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

  /** Ends all that has not been answered, so that it runs elsewhere, and cancels it here. */
  rescue(rescueOf: (reads: number, onNobody: () => void) => Rescue): void {
    const reads = this.#reads().filter(({ abandoned }) => !abandoned)
    const [silent] = this.#batches
    const rescue = rescueOf(reads.length, () => {
      for (const statement of silent?.statements ?? []) {
        if (statement instanceof ReadStatement && !statement.parses) this.#unname(statement.prepared.text)
      }
    })
    this.#cancel({ kind: 'slow', rescue })
  }

  /** Its plan may be the slow one: only the first ones under a name are made for the values. */
  #unname(text: string): void {
    const { slowPlans, statements } = this.#connection
    slowPlans.add(text, performance.now())
    statements.drop(text)
  }

  /** Nobody waits for one of its reads any more. Only when nobody waits for any, they are cancelled: that hits no neighbour. */
  abandon(): void {
    if (this.#over) return
    const reads = this.#reads()
    this.#hasAbandoned = reads.some(({ abandoned }) => abandoned)
    if (reads.every(({ abandoned }) => abandoned)) this.#cancel(FAILED)
  }

  #cancel(end: LaneEnd): void {
    if (this.#batches.size > 0) attempt(undefined, () => void this.lease.cancel())
    // What is cancelled may skip a Parse.
    this.#connection.statements.doubt()
    this.#endAll(end)
  }

  #reads(): readonly LaneRead[] {
    return [...[...this.#batches].flatMap(({ statements }) => readsOf(statements)), ...this.#waiting]
  }

  #flush(): void {
    if (this.#over || this.#waiting.length === 0) return
    // Something may have come meanwhile that pg has read by half.
    if (this.#batches.size === 0 && this.lease.alive && !this.lease.readable) return this.#endAll(FAILED)
    const now = performance.now()
    const reads = this.#hasAbandoned ? this.#waiting.filter(({ abandoned }) => !abandoned) : this.#waiting
    try {
      const batches = groupReads(reads).map((group) => this.#batchOf(group, now))
      for (const batch of batches) this.#batches.add(batch)
      this.#inFlight -= this.#waiting.length - reads.length
      this.#waiting = []
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
    const statements: LaneStatement[] = [new AskingStatement(this.#prepare(RESTRICTION.text, now), RESTRICTION)]
    const shapes = new Map<string, RowShape>()
    const { _types: types } = internalsOf(this.lease.client)
    for (const read of reads) {
      let shape = shapes.get(read.text)
      const isFirst = shape === undefined
      if (shape === undefined) shapes.set(read.text, (shape = { fields: undefined }))
      // A comment for each request is worth no name.
      const prepared = read.sent === read.text ? this.#prepare(read.text, now) : unnamed(read.text)
      const statement = new ReadStatement(prepared, read, shape, types)
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
    const { isKnown, statements, slowPlans } = this.#connection
    return isKnown && !slowPlans.has(text, now) ? statements.of(text) : unnamed(text)
  }

  #write(statements: readonly LaneStatement[]): void {
    const [first] = statements
    for (const leaving of this.#connection.statements.takeLeaving()) {
      writer.closeStatement(leaving.name)
      if (first !== undefined) first.closes++
    }
    for (const statement of statements) {
      this.#writeParse(statement)
      writer.bind(statement.prepared.name, statement instanceof ReadStatement ? statement.read.values : [])
      if (statement.describes) writer.describePortal()
      writer.execute()
    }
    writer.sync()
  }

  #writeParse(statement: LaneStatement): void {
    const { prepared } = statement
    if (prepared.parsed) return
    const { text, name } = prepared
    const isNamed = name.length > 1
    if (isNamed) {
      writer.closeStatement(name)
      statement.closes++
    }
    writer.parse(name, statement instanceof ReadStatement ? statement.read.sent : text)
    statement.parses = true
    prepared.parsed = isNamed
  }

  /** Its reads are taken out ahead of all else, so that whatever is thrown on the way, they are ended. */
  #ended(batch: BatchExchange, end: BatchEnd): void {
    if (!this.#batches.delete(batch)) return
    const reads = batch.statements.filter((statement) => statement instanceof ReadStatement)
    this.#inFlight -= reads.length
    if (end.kind === 'unsent' || end.kind === 'lost') {
      return this.#endAll(end.kind === 'unsent' ? end : attempt(FAILED, () => this.#lossOf(end)), reads)
    }
    const isAnswered = attempt(false, () => this.#isAnswered(batch, end))
    const last = batch.statements.at(-1)
    const answer = last instanceof AskingStatement ? last.answer : undefined
    for (const { read, result } of reads) {
      endRead(read, isAnswered && result !== undefined ? { kind: 'result', result, answer } : FAILED)
    }
    if (this.#inFlight === 0) this.#leave()
    else if (this.#hasAbandoned) this.abandon()
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
    if (end.culprit !== undefined) this.#events.onCulprit(end.culprit)
    return false
  }

  /** It ran where and as it should. */
  #isSound({ statements: [restriction] }: BatchExchange): boolean {
    const connection = this.#connection
    const [, isolation, backend] = restriction instanceof AskingStatement ? (restriction.answer ?? []) : []
    const isSound =
      isolation === 'read committed' && !isPooled(this.lease.client, Number(backend)) && this.lease.status === 'I'
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
    attempt(undefined, () => this.#events.onOver(this))
    attempt(undefined, () => this.lease.release())
  }
}

/** Nobody else waits for ever because of what this throws. */
function endRead(read: LaneRead, end: LaneEnd): void {
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

function readsOf(statements: readonly LaneStatement[]): readonly LaneRead[] {
  return statements.flatMap((statement) => (statement instanceof ReadStatement ? [statement.read] : []))
}
