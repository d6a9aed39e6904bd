import type pg from 'pg'
import { FasterPgQuery } from '../wire/faster-pg-query.ts'
import type { Exchange, StatementEnd } from '../wire/exchange.ts'
import { noteSent } from '../prepared-statements/statements-on.ts'
import { showExchange } from './show-to-tracers.ts'
import { noteAnswered, noteWritten } from '../prepared-statements/parsed-names.ts'
import {
  adopt,
  isPlain,
  prepareValues,
  sendExtended,
  withoutSync,
  type DataRow,
  type RowDescription,
  type QueryInternals,
  type WireConnection,
} from '../wire/pg-internals.ts'
import { serializationError } from '../wire/serialization-error.ts'

type OnEnd = (ends: readonly StatementEnd[]) => void

/**
 * Several statements with one Sync: if one fails, the server skips the rest. So if a BEGIN fails, what follows it is not run outside
 * of a transaction.
 *
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
export class GroupExchange implements Exchange {
  readonly exclusive = false
  readonly #members: readonly QueryInternals[]
  readonly #named: readonly pg.QueryConfig[]
  readonly #ends: (StatementEnd | undefined)[]
  readonly #onEnd: OnEnd
  readonly #shown: ((end: StatementEnd) => void)[] = []
  #at = 0
  /** The server's error, if it has answered with one. */
  #answer: unknown
  /** It came behind the last answer: what the Sync should have committed was rolled back, as by a deferred constraint. */
  #isRolledBack = false

  constructor(configs: readonly pg.QueryConfig[], client: pg.Client, onEnd: OnEnd) {
    this.#onEnd = (ends) => {
      for (const [i, ended] of this.#shown.entries()) ended?.(ends[i] as StatementEnd)
      onEnd(ends)
    }
    this.#ends = configs.map(() => undefined)
    this.#named = configs.filter(({ name }) => name !== undefined)
    this.#members = configs.map((config, i) => this.#statement(config, i, client))
  }

  #statement(config: pg.QueryConfig, i: number, client: pg.Client): QueryInternals {
    const query = isPlain(config)
      ? new FasterPgQuery(config.text, config.values as unknown[])
      : new FasterPgQuery(config)
    const unsendable = isPlain(config) ? undefined : serializationError(config)
    if (unsendable !== undefined) this.#ends[i] = { kind: 'unsendable', error: unsendable }
    noteSent(client, config.text)
    const shown = showExchange(client, config)
    if (shown !== undefined) {
      query.text = shown.text
      this.#shown[i] = shown.ended
      if (shown.refusal !== undefined) this.#ends[i] ??= { kind: 'unsendable', error: shown.refusal }
    }
    adopt(query, client)
    sendExtended(query)
    // A page's portal would end with the Sync that they share, and pg would send one more.
    query.rows = undefined
    prepareValues(query)
    query.callback = (error, result) => {
      if (error) this.#ends[i] ??= { kind: error === this.#answer ? 'answered' : 'unreadable', error }
      else this.#ends[i] ??= { kind: 'result', result: result as pg.QueryResult }
    }
    return query
  }

  get unsendable(): boolean {
    return this.#ends.some((end) => end?.kind === 'unsendable')
  }

  get name(): string | undefined {
    return this.#members[this.#at]?.name
  }

  get text(): string | undefined {
    return this.#members[this.#at]?.text
  }

  /** Sends them in one packet. */
  submit(connection: WireConnection): Error | null {
    for (const config of this.#named) noteWritten(config)
    connection.stream.cork()
    try {
      return this.#submit(connection)
    } finally {
      connection.stream.uncork()
    }
  }

  #submit(connection: WireConnection): Error | null {
    const unsynced = withoutSync(connection)
    for (const [i, member] of this.#members.entries()) {
      const refused = this.#ends[i] === undefined && member.submit(unsynced)
      if (refused instanceof Error) this.#ends[i] = { kind: 'unsendable', error: refused }
      const end = this.#ends[i]
      if (end === undefined) continue
      // The answers to later statements would be taken for the answer to the one that could not be sent.
      if (end.kind === 'unreadable') this.#ends[i] = { kind: 'unsendable', error: end.error }
      break
    }
    connection.sync()
    return null
  }

  handleRowDescription(message: RowDescription): void {
    this.#members[this.#at]?.handleRowDescription(message)
  }

  handleDataRow(message: DataRow): void {
    this.#members[this.#at]?.handleDataRow(message)
  }

  handlePortalSuspended(connection: WireConnection): void {
    this.#members[this.#at]?.handlePortalSuspended(connection)
  }

  handleCommandComplete(message: unknown, connection: WireConnection): void {
    this.#members[this.#at++]?.handleCommandComplete(message, connection)
  }

  handleEmptyQuery(connection: WireConnection): void {
    this.#members[this.#at++]?.handleEmptyQuery(connection)
  }

  handleCopyInResponse(connection: WireConnection): void {
    this.#members[this.#at]?.handleCopyInResponse(connection)
  }

  handleCopyData(message: unknown, connection: WireConnection): void {
    this.#members[this.#at]?.handleCopyData(message, connection)
  }

  handleError(error: unknown, connection: WireConnection): void {
    this.#answer = error
    this.#isRolledBack = this.#at >= this.#members.length
    this.#members[this.#at]?.handleError(error, connection)
  }

  handleReadyForQuery(connection: WireConnection): void {
    for (const config of this.#named) noteAnswered(config, connection)
    for (const [i, end] of this.#ends.entries()) {
      if (end === undefined && i < this.#at) this.#members[i]?.handleReadyForQuery(connection)
    }
    if (this.#isRolledBack) this.#onEnd(this.#ends.map(() => ({ kind: 'answered', error: this.#answer })))
    else this.#onEnd(this.#ends.map((end) => end ?? { kind: 'skipped' }))
  }

  /** All are lost together, because they were sent together. */
  lost(cause: unknown, written: boolean): void {
    const heard = this.#ends.find((end) => end?.kind === 'answered')
    const error = heard?.kind === 'answered' ? heard.error : cause
    this.#onEnd(this.#ends.map(() => ({ kind: written ? 'lost' : 'unsent', error })))
  }
}
