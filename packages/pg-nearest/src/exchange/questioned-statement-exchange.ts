import type pg from 'pg'
import type { StatementEnd } from '../wire/exchange.ts'
import { sendExtended, withoutSync, type DataRow, type WireConnection } from '../wire/pg-internals.ts'
import { StatementExchange } from './statement-exchange.ts'

/** A statement and, within the same Sync, a question that is answered with one row: skipped by the server if the statement fails. */
export class QuestionedStatementExchange extends StatementExchange {
  readonly #question: string
  #asked = false
  #ready = false
  #answer: DataRow['fields'] | undefined
  #refusal: unknown

  constructor(config: pg.QueryConfig, question: string, client: pg.Client, onEnd: (end: StatementEnd) => void) {
    super(config, client, onEnd)
    this.#question = question
    sendExtended(this)
  }

  /** The answer's row. Known when the exchange has ended; `undefined` if there was none. */
  get answer(): DataRow['fields'] | undefined {
    return this.#answer
  }

  /** The server's error, if it was answered with one. */
  get refusal(): unknown {
    return this.#refusal
  }

  override submit(connection: WireConnection): Error | null | undefined | void {
    connection.stream.cork()
    try {
      const refused = super.submit(withoutSync(connection))
      if (refused instanceof Error) return refused
      // The answers to the question would be taken for those to a statement that could not be sent.
      if (!this.unsendable) {
        connection.parse({ text: this.#question })
        connection.bind({})
        connection.execute({})
      }
      connection.sync()
      return null
    } finally {
      connection.stream.uncork()
    }
  }

  override handleDataRow(message: DataRow): void {
    if (this.#asked) this.#answer = message.fields
    else super.handleDataRow(message)
  }

  override handleCommandComplete(message: unknown, connection: WireConnection): void {
    if (this.#asked) return
    this.#asked = true
    super.handleCommandComplete(message, connection)
  }

  override handleEmptyQuery(connection: WireConnection): void {
    this.#asked = true
    super.handleEmptyQuery(connection)
  }

  override handleError(error: unknown, connection: WireConnection): void {
    // With ReadyForQuery pg passes an error of a type parser here.
    if (!this.#asked || this.#ready) super.handleError(error, connection)
    else this.#refusal = error
  }

  override handleReadyForQuery(connection: WireConnection): void {
    this.#ready = true
    super.handleReadyForQuery(connection)
  }
}
