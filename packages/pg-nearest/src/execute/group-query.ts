import pg from 'pg'
import { isAnswer, isConnectionLoss } from '../server-failure.ts'

/** How one statement of a group ended. `skipped`: one before it failed, so it was not run. */
export type GroupOutcome =
  | { readonly kind: 'result'; readonly result: pg.QueryResult }
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'skipped' }

/** What pg's queries do with what a server answers; its types do not say. */
interface Handlers {
  submit(connection: unknown): Error | null
  handleRowDescription(message: unknown): void
  handleDataRow(message: unknown): void
  handleCommandComplete(message: unknown, connection: unknown): void
  handleEmptyQuery(connection: unknown): void
  handleCopyInResponse(connection: unknown): void
  handleError(error: unknown, connection: unknown): void
  handleReadyForQuery(connection: unknown): void
}

interface Line {
  sync(): void
  once(event: 'readyForQuery', listener: () => void): void
}

/** What a client adds to each query that it is given. */
interface ClientDefaults {
  readonly binary: boolean
  readonly _types: pg.CustomTypesConfig
}

type Callback = (error: unknown, outcomes?: readonly GroupOutcome[]) => void

/**
 * Several statements with one Sync: if one fails, the server skips the rest. So what follows a BEGIN is never run
 * outside of the transaction, whatever becomes of the BEGIN. (Statements with a Sync of their own would be.)
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
class GroupQuery extends pg.Query {
  readonly #members: readonly Handlers[]
  readonly #outcomes: GroupOutcome[] = []
  #at = 0
  /** pg wraps it where there is a time-out. */
  readonly callback: Callback

  constructor(configs: readonly pg.QueryConfig[], { binary, _types: types }: ClientDefaults, callback: Callback) {
    super({ text: 'group' })
    this.callback = callback
    this.#members = configs.map((config, i) =>
      this.#member({ binary, types, ...config, queryMode: 'extended' } as pg.QueryConfig, i),
    )
  }

  #member(config: pg.QueryConfig, i: number): Handlers {
    const query = new pg.Query(config)
    const done = (error: unknown, result?: pg.QueryResult): void => {
      this.#outcomes[i] = result === undefined ? { kind: 'error', error } : { kind: 'result', result }
    }
    Object.assign(query, { callback: done })
    return query as unknown as Handlers
  }

  override submit = (connection: pg.Connection): Error | null => {
    const unsynced = Object.create(connection, { sync: { value: ignore } }) as unknown
    for (const [i, member] of this.#members.entries()) {
      member.submit(unsynced)
      // A value that cannot be sent: what follows would be answered in its place.
      if (this.#outcomes[i] !== undefined) break
    }
    ;(connection as unknown as Line).sync()
    return null
  }

  handleRowDescription(message: unknown): void {
    this.#members[this.#at]?.handleRowDescription(message)
  }

  handleDataRow(message: unknown): void {
    this.#members[this.#at]?.handleDataRow(message)
  }

  handleCommandComplete(message: unknown, connection: unknown): void {
    this.#members[this.#at++]?.handleCommandComplete(message, connection)
  }

  handleEmptyQuery(connection: unknown): void {
    this.#members[this.#at++]?.handleEmptyQuery(connection)
  }

  handleCopyInResponse(connection: unknown): void {
    this.#members[this.#at]?.handleCopyInResponse(connection)
  }

  /** The server's error ends the group; any other ends the connection. */
  handleError(error: unknown, connection: unknown): void {
    if (!isAnswer(error) || isConnectionLoss(error)) return this.callback(error)
    this.#members[this.#at]?.handleError(error, connection)
    // Only then is it known whether a transaction is open.
    ;(connection as Line).once('readyForQuery', () => this.#finish(connection))
  }

  handleReadyForQuery(connection: unknown): void {
    this.#finish(connection)
  }

  #finish(connection: unknown): void {
    for (const member of this.#members.slice(0, this.#at)) member.handleReadyForQuery(connection)
    this.callback(
      null,
      this.#members.map((_, i) => this.#outcomes[i] ?? { kind: 'skipped' }),
    )
  }
}

/** Sends statements as one group. Rejects only if the connection fails. */
export function sendGroup(client: pg.PoolClient, configs: readonly pg.QueryConfig[]): Promise<readonly GroupOutcome[]> {
  return new Promise((resolve, reject) => {
    const done: Callback = (error, outcomes) => (outcomes === undefined ? reject(error) : resolve(outcomes))
    client.query(new GroupQuery(configs, client as unknown as ClientDefaults, done) as unknown as pg.Submittable)
  })
}

function ignore(): void {}
