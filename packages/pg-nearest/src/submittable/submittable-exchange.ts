import type { Writable } from 'node:stream'
import pg from 'pg'
import { detachCursor, holdCursor, type SentCursor } from '../cursor/cursor-again.ts'
import { failLastRead, forgetPortal, isIdleCursor, settleClosesOnLoss } from '../cursor/pg-cursor-workarounds.ts'
import { runUsers } from '../raise-later.ts'
import type { Exchange, Progress } from '../wire/exchange.ts'
import { CALLER, type Caller } from '../tracers/caller-context.ts'
import { noteSent } from '../prepared-statements/statements-on.ts'
import { showStatement } from '../tracers/show-statement.ts'
import { dropOnceDestroyed } from './discard-copy-output.ts'
import {
  adopt,
  isUnbindable,
  prepareValues,
  type DataRow,
  type RowDescription,
  type QueryInternals,
  type WireConnection,
} from '../wire/pg-internals.ts'
import { isFatal } from '../driver-errors.ts'
import { isValueTooLong } from '../result-value-too-long.ts'

/** How a submittable ended; it has been told already. `unsent`: the server never heard of it. `written`: the server may have received it. */
export type ToldEnd =
  | { readonly kind: 'ended'; readonly error: unknown; readonly unsent?: true }
  | { readonly kind: 'lost'; readonly error: unknown; readonly written: boolean }

/** A cursor has failed before it had told anything, and not even that: it can be sent again, unless it `isGivenUp`. */
export interface UntoldEnd {
  readonly kind: 'untold'
  readonly as: 'answered' | 'lost' | 'unsent'
  readonly error: unknown
  readonly isGivenUp: () => boolean
}

/** How its limit ends it. */
export interface CutShort {
  readonly error: unknown
  /** Its user is told at once, and otherwise when it has ended: then what it has written shows. */
  readonly isToldNow: boolean
  /** Once it is done, its user is told so all the same. */
  readonly keepsDone: boolean
}

export type SubmittableEnd = ToldEnd | UntoldEnd

export interface SubmittableOptions {
  /** Type parsers in place of the connection's. */
  readonly types: pg.CustomTypesConfig | undefined
  /** Called before it is sent: whether it was closed meanwhile. */
  readonly isGivenUp: () => boolean
  /** The call that it was given in, if a tracer wants to know. */
  readonly caller?: Caller | undefined
  /** It is a cursor, which is to be taken back if it fails before it has told anything. */
  readonly takesBack?: boolean
  /** Called when a COPY TO that runs was destroyed: nobody wants what still comes. */
  readonly onDestroyed?: () => void
  /** Called before it is sent: the error of what it needs ahead of it, without which it is not. */
  readonly failedAhead?: (() => unknown) | undefined
  /** What it is told when its connection has died. `written`: the server may have received it. */
  readonly lossError?: (cause: unknown, written: boolean) => unknown
}

/**
 * A `pg.Submittable` that speaks the protocol itself: a cursor, a stream, a COPY. It has the connection to itself until
 * ReadyForQuery, which comes when it has been read to its end, has failed, or was closed.
 */
export class SubmittableExchange implements Exchange {
  readonly exclusive = true
  readonly #query: Partial<QueryInternals>
  readonly #onEnd: (end: SubmittableEnd) => void
  readonly #connection: WireConnection
  readonly #isGivenUp: () => boolean
  readonly #refusal: Error | undefined
  readonly #onDestroyed: (() => void) | undefined
  readonly #failedAhead: (() => unknown) | undefined
  readonly #lossError: (cause: unknown, written: boolean) => unknown
  readonly #takesBack: boolean
  /** It has told nothing yet, and can be taken back. */
  #sent: SentCursor | undefined
  #untold: UntoldEnd | undefined
  #error: unknown
  #cutShort: CutShort | undefined
  /** A pg.Query by pages sends Sync behind its last page only. */
  #lacksSync: boolean
  /** What still comes is for nobody. */
  #isDeaf = false
  /** Its error should end the connection, too, and is told with that, or behind it. */
  #isFatal = false
  #settleCloses: (() => void) | undefined
  #endDropping: (() => void) | undefined
  /** The server takes its rows. */
  #copiesIn = false
  #isUnsendable = false

  constructor(
    query: pg.Submittable,
    client: pg.Client,
    onEnd: (end: SubmittableEnd) => void,
    options: SubmittableOptions,
  ) {
    const { types, isGivenUp, caller, takesBack = false, onDestroyed, failedAhead, lossError = identity } = options
    this.#isGivenUp = isGivenUp
    this.#takesBack = takesBack
    this.#onDestroyed = onDestroyed
    this.#failedAhead = failedAhead
    this.#lossError = lossError
    this.#query = query as unknown as Partial<QueryInternals>
    this.#connection = (client as unknown as { readonly connection: WireConnection }).connection
    noteSent(client, textOf(query))
    const shown = caller && showStatement(client, { ...seenOf(query), [CALLER]: caller })
    this.#refusal = shown?.refusal
    this.#onEnd = (end) => {
      shown?.ended(end.error)
      onEnd(end)
    }
    adopt(this.#query, client, types)
    prepareValues(this.#query)
    this.#lacksSync = query instanceof pg.Query && this.#query.rows !== undefined
  }

  get name(): string | undefined {
    return this.#query.name
  }

  get text(): string | undefined {
    return this.#query.text
  }

  get unsendable(): boolean {
    return this.#isUnsendable
  }

  get progress(): Progress {
    const { stream } = this.#connection
    const { writableEnded, destroyed } = this.#query as Partial<Writable>
    const writes = this.#copiesIn && writableEnded === false && destroyed === false
    // COPY TO reads from the socket itself, and leaves there what nobody reads.
    const isUsers = writes || isIdleCursor(this.#query) || stream.readableLength > 0
    return { of: this, moved: stream.bytesRead + stream.bytesWritten, isUsers }
  }

  /** Its limit has ended it, and it is cancelled. */
  cut(how: CutShort): void {
    this.#cutShort = how
    this.#settle()
    if (how.isToldNow && this.#error === undefined) this.#tellCut(how)
  }

  submit(connection: WireConnection): Error | null | undefined | void {
    const failure = this.#failedAhead?.() as Error | undefined
    if (failure !== undefined && this.#cutShort === undefined && this.#takeBack('answered', failure)) {
      this.#onEnd(this.#untold as UntoldEnd)
      return failure
    }
    if (this.#isGivenUp() || this.#cutShort !== undefined) {
      if (this.#cutShort !== undefined) this.#tellCut(this.#cutShort)
      this.#onEnd({ kind: 'ended', error: this.#error, unsent: true })
      return new Error('It was closed before it was sent')
    }
    this.#settleCloses = settleClosesOnLoss(this.#query)
    this.#endDropping = dropOnceDestroyed(this.#query, () => this.#onDestroyed?.())
    const refused = failure ?? this.#refusal ?? this.#query.submit?.(connection)
    // pg's own Query tells by itself of a value that cannot be bound, and returns nothing.
    this.#isUnsendable = refused instanceof Error || isUnbindable(this.#query.values)
    if (refused instanceof Error) {
      runUsers(() => this.#query.handleError?.(refused, connection))
      this.#onEnd({ kind: 'ended', error: refused, unsent: true })
    } else if (this.#takesBack) {
      this.#sent = holdCursor(this.#query)
    }
    return refused
  }

  handleRowDescription(message: RowDescription): void {
    if (this.#isDeaf) return
    this.#query.handleRowDescription?.(message)
  }

  handleDataRow(message: DataRow): void {
    if (this.#isDeaf) return
    this.#settle()
    this.#query.handleDataRow?.(message)
  }

  handlePortalSuspended(connection: WireConnection): void {
    // It would wait for its user, who is told instead.
    if (this.#cutShort !== undefined) {
      this.#tellCut(this.#cutShort)
      return this.#sync(connection)
    }
    this.#settle()
    this.#query.handlePortalSuspended?.(connection)
  }

  handleCommandComplete(message: unknown, connection: WireConnection): void {
    if (this.#isDeaf) return this.#sync(connection)
    this.#lacksSync = false
    this.#settle()
    this.#query.handleCommandComplete?.(message, connection)
  }

  handleEmptyQuery(connection: WireConnection): void {
    if (this.#isDeaf) return
    this.#settle()
    this.#query.handleEmptyQuery?.(connection)
  }

  handleCopyInResponse(connection: WireConnection): void {
    this.#copiesIn = true
    this.#query.handleCopyInResponse?.(connection)
  }

  handleCopyData(message: unknown, connection: WireConnection): void {
    this.#query.handleCopyData?.(message, connection)
  }

  handleError(error: unknown, connection: WireConnection): void {
    if (this.#cutShort !== undefined) {
      if (!this.#isDeaf) this.#endDropping?.()
      this.#tellCut(this.#cutShort)
      return this.#sync(connection)
    }
    const isFirst = this.#error === undefined
    this.#error ??= error
    this.#endDropping?.()
    // As the cursor does that is told of it.
    if (this.#takeBack('answered', error)) return connection.sync()
    forgetPortal(this.#query)
    // Its connection ends with it, and what that means shows then: a pooler may tell of its own trouble so, and go on.
    if (isFirst && isFatal(error)) return void (this.#isFatal = true)
    this.#fail(error, isFirst)
    this.#sync(connection)
  }

  handleReadyForQuery(connection: WireConnection): void {
    const cutShort = this.#cutShort
    if (cutShort !== undefined && !cutShort.keepsDone) this.#tellCut(cutShort)
    if (this.#error === undefined) runUsers(() => this.#query.handleReadyForQuery?.(connection))
    else if (this.#isFatal) this.#tellFatal(this.#error)
    this.#onEnd(this.#untold ?? { kind: 'ended', error: this.#error })
  }

  lost(cause: unknown, written: boolean): void {
    if (isValueTooLong(cause)) this.#settle()
    if (this.#cutShort === undefined) this.#takeBack(written ? 'lost' : 'unsent', cause)
    // What was heard ahead of it may have been its farewell.
    if (this.#untold !== undefined) return this.#onEnd({ ...this.#untold, as: written ? 'lost' : 'unsent' })
    this.#settleCloses?.()
    this.#endDropping?.()
    const error = this.#cutShort === undefined ? (this.#error ?? cause) : cause
    // A query without a callback emits each error, and somebody may listen to the first only.
    const isFirst = this.#error === undefined || this.#isFatal
    const loss = isFirst ? this.#lossError(error, written) : error
    this.#fail(this.#cutShort === undefined ? loss : this.#cutShort.error, isFirst)
    this.#onEnd({ kind: 'lost', error, written })
  }

  #fail(error: unknown, isFirst = true): void {
    if (isFirst) runUsers(() => this.#query.handleError?.(error, this.#connection))
    runUsers(() => failLastRead(this.#query, error))
  }

  #tellFatal(error: unknown): void {
    detachCursor(this.#query)
    this.#fail(error)
  }

  /** The server waits for it. */
  #sync(connection: WireConnection): void {
    if (this.#lacksSync) connection.sync()
    this.#lacksSync = false
  }

  #tellCut({ error }: CutShort): void {
    if (this.#isDeaf || this.#error !== undefined) return
    this.#isDeaf = true
    this.#error = error
    forgetPortal(this.#query)
    this.#fail(error)
  }

  #settle(): void {
    this.#sent?.settle()
    this.#sent = undefined
  }

  /** Whether it is as it was before it was sent. */
  #takeBack(as: UntoldEnd['as'], error: unknown): boolean {
    const isUnsent = this.#takesBack && this.#settleCloses === undefined
    const isGivenUp = isUnsent ? this.#isGivenUp : this.#sent?.takeBack()
    this.#sent = undefined
    if (isGivenUp !== undefined) this.#untold = { kind: 'untold', as, error, isGivenUp }
    return this.#untold !== undefined
  }
}

function identity<T>(value: T): T {
  return value
}

/** Cursors and streams keep their text in different places. */
export function textOf(query: object): string | undefined {
  const { text, cursor } = query as { readonly text?: unknown; readonly cursor?: { readonly text?: unknown } }
  const given = text ?? cursor?.text
  return typeof given === 'string' ? given : undefined
}

/** What tracers are shown of it: not itself, because they copy it. */
function seenOf(query: object): pg.QueryConfig {
  const { values, name } = query as Partial<QueryInternals>
  return { text: textOf(query) ?? '', ...(Array.isArray(values) && { values }), ...(name !== undefined && { name }) }
}
