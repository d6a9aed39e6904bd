import type { MessageReader } from '../message-framing/message-dispatcher.ts'
import type { Exchange } from '../wire/exchange.ts'
import type { RowDescription, WireConnection } from '../wire/pg-internals.ts'
import { ReadStatement, type LaneStatement } from './lane-statement-response.ts'

/**
 * How a batch ended: `answered` up to ReadyForQuery, `refused` with an error or an answer that a read has not, `unsent`, or `lost` with its
 * connection. `culprit`: the text that is at fault, if one is. `limited`: the statement that the server has given so much time and no more.
 */
export type BatchEnd =
  | { readonly kind: 'answered' }
  | { readonly kind: 'unsent' }
  | { readonly kind: 'refused'; readonly culprit: string | undefined; readonly limited?: Limited | undefined }
  | { readonly kind: 'lost'; readonly error: unknown }

interface Limited {
  readonly statement: LaneStatement
  readonly error: unknown
}

/** `statement_timeout`, or somebody who has cancelled it, and `lock_timeout`. */
const OF_LIMITS = /^(?:57014|55P03)$/
/** A name that was forgotten, a plan that does not fit any more, and what befalls connections, transactions and servers. */
const OF_NOBODY = /^(?:26000|0A000|08|40|53|57|58)/

/** Statements that share a Sync. Their messages are written already. */
export class BatchExchange implements Exchange, MessageReader {
  readonly exclusive = false
  readonly name = undefined
  readonly statements: readonly LaneStatement[]
  /** By `performance.now()`. */
  readonly sentAt: number
  /** It was sent behind another one that was unanswered. */
  follows = false
  readonly #messages: Buffer
  readonly #onEnd: (batch: BatchExchange, end: BatchEnd) => void
  #at = 0
  #refused = false
  #culprit: string | undefined
  #limited: Limited | undefined

  constructor(
    statements: readonly LaneStatement[],
    messages: Buffer,
    sentAt: number,
    onEnd: (batch: BatchExchange, end: BatchEnd) => void,
  ) {
    this.statements = statements
    this.#messages = messages
    this.sentAt = sentAt
    this.#onEnd = onEnd
  }

  get reader(): MessageReader {
    return this
  }

  get text(): string | undefined {
    return this.statements[this.#at]?.prepared.text
  }

  /** The read whose answer comes next. */
  get awaited(): ReadStatement | undefined {
    const statement = this.statements[this.#at]
    return statement instanceof ReadStatement ? statement : undefined
  }

  submit({ stream }: WireConnection): void {
    stream.write(this.#messages)
  }

  read(type: number, bytes: Buffer, start: number, end: number): boolean {
    if (this.#refused) return false
    const statement = this.statements[this.#at]
    if (statement === undefined) return false
    const isRead = statement.take(type, bytes, start, end)
    if (statement.over) this.#at++
    return isRead
  }

  handleRowDescription({ fields }: RowDescription): void {
    const statement = this.statements[this.#at]
    if (statement instanceof ReadStatement) statement.describe(fields)
  }

  handleError(error: unknown): void {
    this.#refused = true
    const { code } = error as { readonly code?: unknown }
    if (typeof code !== 'string') return
    const isLimit = OF_LIMITS.test(code)
    if (isLimit || !OF_NOBODY.test(code)) this.#culprit = this.text
    const statement = this.statements[this.#at]
    if (isLimit && statement instanceof ReadStatement) this.#limited = { statement, error }
  }

  handleReadyForQuery(): void {
    const isWhole = !this.#refused && this.#at === this.statements.length
    this.#onEnd(
      this,
      isWhole ? { kind: 'answered' } : { kind: 'refused', culprit: this.#culprit, limited: this.#limited },
    )
  }

  lost(error: unknown, written: boolean): void {
    this.#onEnd(this, written ? { kind: 'lost', error } : { kind: 'unsent' })
  }

  // No read is answered so.
  handleDataRow(): void {
    this.#refused = true
  }

  handleCommandComplete(): void {
    this.#refused = true
  }

  handleEmptyQuery(): void {
    this.#refused = true
  }

  handlePortalSuspended(): void {
    this.#refused = true
  }

  handleCopyInResponse({ stream }: WireConnection): void {
    // The server waits for more than will come.
    stream.destroy()
  }

  handleCopyData(): void {
    this.#refused = true
  }
}
