import type pg from 'pg'
import { FasterPgQuery } from '../wire/faster-pg-query.ts'
import type { Exchange, StatementEnd, StatementResult } from '../wire/exchange.ts'
import { noteSent } from '../prepared-statements/statements-on.ts'
import type { PreparedUse } from '../prepared-statements/prepared-statement-execution.ts'
import { showExchange, type ShownExchange } from './show-to-tracers.ts'
import { noteAnswered, noteParsed, noteWritten } from '../prepared-statements/parsed-names.ts'
import { serializationError } from '../wire/serialization-error.ts'
import { adopt, isPlain, prepareValues, type QueryCallback, type WireConnection } from '../wire/pg-internals.ts'

/** One statement with a Sync of its own, as `client.query` sends it. */
export class StatementExchange extends FasterPgQuery implements Exchange {
  readonly #onEnd: (end: StatementEnd) => void
  #failure: { readonly kind: 'answered' | 'unreadable' | 'unsendable'; readonly error: unknown } | undefined
  #result: StatementResult | undefined
  #writing = false
  /** The server's error, if it has answered with one. */
  #answer: unknown
  #synced = false
  #isReady = false
  /** Why it is not to be sent: it cannot be, or a tracer does not let it. */
  #refusal: Error | undefined
  readonly #prepared: PreparedUse | undefined
  readonly #named: pg.QueryConfig | undefined

  /** @param prepared - it has a name that pg does not know of. */
  constructor(config: pg.QueryConfig, client: pg.Client, onEnd: (end: StatementEnd) => void, prepared?: PreparedUse) {
    if (isPlain(config)) super(config.text, config.values as unknown[] | undefined)
    else {
      super(config)
      this.#refusal = serializationError(config)
    }
    if (config.name !== undefined) this.#named = config
    noteSent(client, config.text)
    const shown = showExchange(client, config)
    this.#onEnd = shown === undefined ? onEnd : this.#shownAs(shown, onEnd)
    // A comment for each request is worth no name.
    this.#prepared = shown === undefined || shown.text === config.text ? prepared : undefined
    this.callback = StatementExchange.#capture
    adopt(this, client)
    prepareValues(this)
  }

  #shownAs(shown: ShownExchange, onEnd: (end: StatementEnd) => void): (end: StatementEnd) => void {
    this.text = shown.text
    this.#refusal ??= shown.refusal
    return (end) => {
      shown.ended(end)
      onEnd(end)
    }
  }

  /** With `rows`, pg fetches page by page and sends Sync after the last one. */
  get exclusive(): boolean {
    return Boolean(this.rows)
  }

  get unsendable(): boolean {
    return this.#failure?.kind === 'unsendable'
  }

  override submit(connection: WireConnection): Error | null | undefined | void {
    this.#writing = true
    if (this.#named !== undefined) noteWritten(this.#named)
    const refused = this.#refusal ?? this.#submit(connection)
    this.#writing = false
    if (refused instanceof Error && this.#named !== undefined) noteParsed(this.#named, false)
    if (refused instanceof Error) this.#onEnd((this.#failure = { kind: 'unsendable', error: refused }))
    return refused
  }

  #submit(connection: WireConnection): Error | null | undefined | void {
    const prepared = this.#prepared
    if (prepared === undefined) return super.submit(connection)
    const { name } = prepared
    const { parsedStatements, stream } = connection
    stream.cork()
    try {
      prepared.prepare(connection)
      // So that pg binds it under its name, and neither parses it nor remembers it: there it would stay for ever.
      this.name = name
      parsedStatements[name] = this.text
      return super.submit(connection)
    } finally {
      delete parsedStatements[name]
      this.name = undefined
      stream.uncork()
    }
  }

  handleBindComplete(): void {
    this.#prepared?.bound()
  }

  override handleCommandComplete(message: unknown, connection: WireConnection): void {
    this.#synced = true
    super.handleCommandComplete(message, connection)
  }

  override handleError(error: unknown, connection: WireConnection): void {
    // pg also passes errors of type parsers here.
    if (!this.#isReady) this.#answer = error
    if (!this.#isReady) this.#prepared?.refused(error)
    super.handleError(error, connection)
    // pg sends no Sync after an error of a paged query, and the server waits for one.
    if (this.exclusive && !this.#writing && !this.#synced && !this.#isReady) connection.sync()
  }

  override handleReadyForQuery(connection: WireConnection): void {
    this.#isReady = true
    if (this.#named !== undefined) noteAnswered(this.#named, connection)
    if (this.#failure === undefined) super.handleReadyForQuery(connection)
    this.#onEnd(this.#failure ?? { kind: 'result', result: this.#result as StatementResult })
  }

  lost(cause: unknown, written: boolean): void {
    if (this.#failure?.kind === 'unsendable') this.#onEnd(this.#failure)
    else this.#onEnd({ kind: written ? 'lost' : 'unsent', error: this.#failure?.error ?? cause })
  }

  /** Called by pg as `this.callback`. Shared, because a closure for each statement is measurable on short reads. */
  static readonly #capture = function (this: StatementExchange, error: unknown, result?: pg.QueryResult): void {
    if (!error) this.#result = result
    else
      this.#failure ??= {
        kind: this.#writing ? 'unsendable' : error === this.#answer ? 'answered' : 'unreadable',
        error,
      }
  } as QueryCallback
}
