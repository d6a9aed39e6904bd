import type pg from 'pg'
import type { StatementEnd } from '../wire/exchange.ts'
import type { DataRow, RowDescription, WireConnection } from '../wire/pg-internals.ts'
import { StatementExchange } from './statement-exchange.ts'

/**
 * A text of several statements behind others, all in one Query message: the server runs it only if what is ahead has succeeded. Ends as
 * if it had been alone. It must need neither a name nor values.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
 */
export class PrecededExchange extends StatementExchange {
  readonly #prefix: string
  /** So many of those ahead have not ended. */
  #ahead: number
  #ready = false

  constructor(ahead: readonly string[], config: pg.QueryConfig, client: pg.Client, onEnd: (end: StatementEnd) => void) {
    super(config, client, onEnd)
    this.#ahead = ahead.length
    this.#prefix = ahead.map((text) => `${text};`).join('')
    this.text = this.#prefix + this.text
  }

  override handleRowDescription(message: RowDescription): void {
    if (this.#ahead === 0) super.handleRowDescription(message)
  }

  override handleDataRow(message: DataRow): void {
    if (this.#ahead === 0) super.handleDataRow(message)
  }

  override handleCommandComplete(message: unknown, connection: WireConnection): void {
    if (this.#ahead > 0) this.#ahead--
    else super.handleCommandComplete(message, connection)
  }

  override handleError(error: unknown, connection: WireConnection): void {
    // With ReadyForQuery pg passes an error of a type parser here.
    if (!this.#ready) this.#shift(error as { position?: string | undefined })
    super.handleError(error, connection)
  }

  override handleReadyForQuery(connection: WireConnection): void {
    this.#ready = true
    super.handleReadyForQuery(connection)
  }

  /** As counted in the text alone. */
  #shift(error: { position?: string | undefined }): void {
    const position = Number(error.position) - this.#prefix.length
    if (position > 0) error.position = String(position)
  }
}
