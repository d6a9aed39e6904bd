import pg from 'pg'

interface Line {
  readonly stream: { cork?(): void; uncork?(): void }
  parse(message: { text: string }): void
  bind(message: object): void
  execute(message: object): void
  sync(): void
}

/** What pg's query does with what a server answers; its types do not say. */
interface Handlers {
  handleDataRow(message: Row): void
  handleCommandComplete(message: unknown, connection: unknown): void
  handleEmptyQuery(connection: unknown): void
}

type Row = { readonly fields: readonly (string | null)[] }

type Callback = (error: Error | null, result?: pg.QueryResult) => void

type Done = (error: Error | null, result: pg.QueryResult | undefined, trail: Row['fields'] | undefined) => void

const handlers = pg.Query.prototype as unknown as Handlers

/**
 * A statement and a question behind it, with one Sync: the server answers both in one go, which costs half of what two
 * queries do. Both are in one implicit transaction, so that this is for statements that write nothing.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
class TrailedQuery extends pg.Query {
  readonly #question: string
  /** The statement has; what comes now answers the question. */
  #ended = false
  /** A value cannot be sent: that is told at once, and the server's answer to the rest comes later. */
  #told = false
  #row: Row | undefined

  constructor(config: pg.QueryConfig, question: string, done: Done) {
    const callback: Callback = (error, result) => {
      if (this.#told) return
      this.#told = true
      done(error, result, this.#row?.fields)
    }
    super({ ...config, queryMode: 'extended', callback } as pg.QueryConfig)
    this.#question = question
  }

  override submit = (connection: pg.Connection): void => {
    const line = connection as unknown as Line
    line.stream.cork?.()
    try {
      const unsynced = Object.create(connection, { sync: { value: ignore } }) as pg.Connection
      pg.Query.prototype.submit.call(this, unsynced)
      if (!this.#told) {
        line.parse({ text: this.#question })
        line.bind({})
        line.execute({})
      }
      line.sync()
    } finally {
      line.stream.uncork?.()
    }
  }

  handleDataRow(message: Row): void {
    if (this.#ended) this.#row = message
    else handlers.handleDataRow.call(this, message)
  }

  handleCommandComplete(message: unknown, connection: unknown): void {
    if (!this.#ended) handlers.handleCommandComplete.call(this, message, connection)
    this.#ended = true
  }

  handleEmptyQuery(connection: unknown): void {
    this.#ended = true
    handlers.handleEmptyQuery.call(this, connection)
  }
}

/** Calls back with the statement's error, or with its result and the row that answers the question. */
export function sendTrailed(client: pg.PoolClient, config: pg.QueryConfig, question: string, done: Done): void {
  client.query(new TrailedQuery(config, question, done))
}

function ignore(): void {}
