import {
  BIND_COMPLETE,
  CLOSE_COMPLETE,
  COMMAND_COMPLETE,
  DATA_ROW,
  MalformedMessageError,
  PARSE_COMPLETE,
  readCommandTag,
  readDataRow,
  readSelectedRows,
  ROW_DESCRIPTION,
  type RowTexts,
} from '../lane-codec/decode-data-row.ts'
import { describe, rowPatternOf, type RowPattern } from '../wire/faster-pg-query.ts'
import { copyField, PgResult, type Field } from '../wire/pg-internals.ts'
import type pg from 'pg'
import type { LaneRead, Question } from './lane-read.ts'
import type { PreparedStatement } from '../prepared-statements/prepared-statements.ts'

/** What comes next, in the order in which a server sends it. */
const CLOSING = 0
const PARSING = 1
const BINDING = 2
const DESCRIBING = 3
const ANSWERING = 4
const OVER = 5

/** What a batch's statements of one text answer with. */
export interface RowShape {
  fields: readonly Field[] | undefined
  /** By the connection's type parsers, once one of them needs it. */
  pattern?: RowPattern
}

/** One statement of a batch, and what was heard of it. */
export abstract class LaneStatement {
  readonly prepared: PreparedStatement
  /** How many statements are closed ahead of it. */
  closes = 0
  parses = false
  describes = false
  #next: number = CLOSING
  #closed = 0

  constructor(prepared: PreparedStatement) {
    this.prepared = prepared
  }

  get over(): boolean {
    return this.#next === OVER
  }

  /**
   * Returns whether it was a message of its answer. A description that is not known is left to pg, and comes back by `describe`.
   *
   * @throws MalformedMessageError for one that cannot come now.
   */
  take(type: number, bytes: Buffer, start: number, end: number): boolean {
    switch (type) {
      case CLOSE_COMPLETE:
        this.#expect(this.#next === CLOSING && this.#closed++ < this.closes)
        return true
      case PARSE_COMPLETE:
        this.#expect(this.#next === CLOSING && this.#closed === this.closes && this.parses)
        this.#next = PARSING
        return true
      case BIND_COMPLETE:
        this.#expect(this.parses ? this.#next === PARSING : this.#next === CLOSING && this.#closed === this.closes)
        this.#next = BINDING
        return true
      case ROW_DESCRIPTION:
        this.#expect(this.#next === BINDING && this.describes)
        this.#next = DESCRIBING
        return this.isDescribedBy(bytes.subarray(start, end))
      case DATA_ROW:
        this.#expectAnswers()
        this.row(bytes, start, end)
        return true
      case COMMAND_COMPLETE:
        this.#expectAnswers()
        this.complete(bytes, start, end)
        this.#next = OVER
        return true
      default:
        return false
    }
  }

  protected isDescribedBy(_description: Buffer): boolean {
    return false
  }

  protected abstract row(bytes: Buffer, start: number, end: number): void
  protected abstract complete(bytes: Buffer, start: number, end: number): void

  #expectAnswers(): void {
    this.#expect(this.#next === ANSWERING || this.#next === (this.describes ? DESCRIBING : BINDING))
    this.#next = ANSWERING
  }

  #expect(holds: boolean): void {
    if (!holds) throw new MalformedMessageError('The server has sent a message that cannot come here')
  }
}

/** One of our own, that is answered with one row. */
export class AskingStatement extends LaneStatement {
  readonly #columns: number
  #answer: RowTexts | undefined

  constructor(prepared: PreparedStatement, { columns }: Question) {
    super(prepared)
    this.#columns = columns
  }

  get answer(): RowTexts | undefined {
    return this.#answer
  }

  protected override row(bytes: Buffer, start: number, end: number): void {
    this.#answer = readDataRow(bytes, start, end, this.#columns)
  }

  protected override complete(bytes: Buffer, start: number, end: number): void {
    readCommandTag(bytes, start, end)
  }
}

/** One that somebody waits for. */
export class ReadStatement extends LaneStatement {
  readonly read: LaneRead
  readonly #shape: RowShape
  readonly #types: pg.CustomTypesConfig
  #result: InstanceType<typeof PgResult> | undefined
  #description: Buffer | undefined
  #unreadable = false

  constructor(prepared: PreparedStatement, read: LaneRead, shape: RowShape, types: pg.CustomTypesConfig) {
    super(prepared)
    this.read = read
    this.#shape = shape
    this.#types = read.types ?? types
  }

  /** `undefined`: it is not complete, or a type parser has thrown. */
  get result(): pg.QueryResult | undefined {
    return this.over && !this.#unreadable ? this.#result : undefined
  }

  /** pg has read what its rows are. */
  describe(fields: readonly Field[]): void {
    this.#shape.fields = fields
    if (this.#description !== undefined) this.prepared.description = { bytes: this.#description, fields }
  }

  protected override isDescribedBy(description: Buffer): boolean {
    const { description: known } = this.prepared
    if (known?.bytes.equals(description) === true) {
      this.#shape.fields = known.fields
      return true
    }
    this.#description = Buffer.from(description)
    return false
  }

  protected override row(bytes: Buffer, start: number, end: number): void {
    const result = (this.#result ??= this.#begin())
    const texts = readDataRow(bytes, start, end, this.#shape.fields?.length ?? 0)
    if (this.#unreadable) return
    try {
      result.rows.push(result.parseRow(texts))
    } catch {
      this.#unreadable = true
    }
  }

  protected override complete(bytes: Buffer, start: number, end: number): void {
    const result = (this.#result ??= this.#begin())
    const selected = readSelectedRows(bytes, start, end)
    if (selected === undefined) return result.addCommandComplete({ text: readCommandTag(bytes, start, end) })
    result.command = 'SELECT'
    result.rowCount = selected
  }

  #begin(): InstanceType<typeof PgResult> {
    const shape = this.#shape
    const { fields } = shape
    if (fields === undefined) throw new MalformedMessageError('The server has not described the rows')
    const result = new PgResult(this.read.rowMode, this.#types)
    try {
      const pattern =
        this.read.types === undefined
          ? (shape.pattern ??= rowPatternOf(this.#types, fields))
          : rowPatternOf(this.#types, fields)
      // Its owner may change them.
      describe(result, fields.map(copyField), pattern)
    } catch {
      // `getTypeParser` is the caller's.
      this.#unreadable = true
    }
    return result
  }
}
