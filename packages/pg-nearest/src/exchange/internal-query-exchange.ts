import type { Exchange } from '../wire/exchange.ts'
import type { PreparedUse } from '../prepared-statements/prepared-statement-execution.ts'
import { ignore, type DataRow, type WireConnection } from '../wire/pg-internals.ts'

const NONE: readonly Exchange[] = []

export type Fields = DataRow['fields']

type OnEnd = (fields: Fields | undefined, error?: unknown, isLost?: boolean) => void

/** A query of the pool's own that returns one row. Leaner than pg's `Query`, which is measurable on short reads. */
export class InternalQueryExchange implements Exchange {
  readonly name = undefined
  readonly text: string
  readonly exclusive = false
  #fields: Fields | undefined
  #error: unknown
  readonly #onEnd: OnEnd
  readonly #about: readonly Exchange[]
  readonly #prepared: PreparedUse | undefined

  /**
   * @param onEnd - gets the row's fields; `undefined` if there was no answer, with the server's error if it was one. `isLost`: it was not sent, or the
   *   connection died.
   * @param about - what is sent before it, and what the query is about: if one of these turns out unsendable, the query is not sent either.
   * @param prepared - it has a name.
   */
  constructor(text: string, onEnd: OnEnd, about: readonly Exchange[] = NONE, prepared?: PreparedUse) {
    this.text = text
    this.#onEnd = onEnd
    this.#about = about
    this.#prepared = prepared
  }

  submit(connection: WireConnection): Error | void {
    if (this.#about.some(({ unsendable }) => unsendable === true)) {
      this.#onEnd(undefined)
      return new Error('There is nothing to ask about')
    }
    const prepared = this.#prepared
    if (prepared === undefined) return connection.query(this.text)
    prepared.prepare(connection)
    connection.bind({ statement: prepared.name })
    connection.execute({})
    connection.sync()
  }

  handleDataRow({ fields }: DataRow): void {
    this.#fields = fields
  }

  handleError(error: unknown): void {
    this.#error = error
    this.#prepared?.refused(error)
  }

  handleReadyForQuery(): void {
    this.#onEnd(this.#error === undefined ? this.#fields : undefined, this.#error)
  }

  lost(): void {
    this.#onEnd(undefined, undefined, true)
  }

  handleRowDescription(): void {}
  handlePortalSuspended(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handleCopyInResponse: () => void = ignore
  handleCopyData: () => void = ignore
}
