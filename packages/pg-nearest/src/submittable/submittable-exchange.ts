import type { Writable } from 'node:stream'
import type pg from 'pg'
import { detachCursor, holdCursor, type SentCursor } from '../cursor/cursor-again.ts'
import { failLastRead, forgetPortal, isIdleCursor, settleClosesOnLoss } from '../cursor/pg-cursor-workarounds.ts'
import { textOf } from '../cursor/text-of.ts'
import { isPgQuery, unsendableError } from '../cursor/unsendable-submittable.ts'
import { askRoleAhead, isOfStandby } from '../send/ask-role.ts'
import { runUsers } from '../raise-later.ts'
import type { Exchange, Progress } from '../wire/exchange.ts'
import { CALLER, type Caller } from '../tracers/caller-context.ts'
import { noteSent } from '../prepared-statements/statements-on.ts'
import { showStatement } from '../tracers/run-patched-query.ts'
import { dropOnceDestroyed } from './discard-copy-output.ts'
import { endPages } from '../exchange/end-pages.ts'
import {
  nextSubmittableStep,
  type EarlyEnd,
  type SubmittableAct,
  type SubmittableSignal,
  type SubmittableState,
} from './submittable-lifecycle.ts'
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

/**
 * How a submittable ended; it has been told already. `unsent`: the server never heard of it, because it was closed before, or could not be sent.
 * `written`: the server may have received it.
 */
export type ToldEnd =
  | { readonly kind: 'ended'; readonly error: unknown; readonly unsent?: 'closed' | 'unsendable' | undefined }
  | { readonly kind: 'lost'; readonly error: unknown; readonly written: boolean }

/** A cursor has failed before it had told anything, and not even that: it can be sent again, unless it `isGivenUp`. */
export interface UntoldEnd {
  readonly kind: 'untold'
  readonly as: 'answered' | 'misled' | 'lost' | 'unsent'
  readonly error: unknown
  readonly isGivenUp: () => boolean
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
  /** It is to be taken back, too, if its server has turned out to be a standby before it is asked for rows. */
  readonly asksRole?: boolean
}

/** Whoever sends it. */
export interface SubmittableSender {
  readonly onEnd: (end: SubmittableEnd) => void
  /** A COPY TO that runs was destroyed: nobody wants what still comes. */
  readonly onDestroyed: () => void
  /** What it is told when its connection has died. `written`: the server may have received it. */
  readonly lossError: (cause: unknown, written: boolean) => unknown
}

/**
 * A `pg.Submittable` that speaks the protocol itself: a cursor, a stream, a COPY. It has the connection to itself until
 * ReadyForQuery, which comes when it has been read to its end, has failed, or was closed.
 */
export class SubmittableExchange implements Exchange {
  readonly exclusive = true
  readonly #query: Partial<QueryInternals>
  readonly #connection: WireConnection
  readonly #sender: SubmittableSender
  readonly #onEnd: (end: SubmittableEnd) => void
  readonly #endPages: (connection: WireConnection) => void
  #state: SubmittableState
  #isGivenUp: () => boolean
  /** The server has not told its role yet. */
  #awaitsRole: boolean
  #isMisled = false
  /** Why it is not to be sent. */
  #refusal: unknown
  /** As long as it is `untold`. */
  #sent: SentCursor | undefined
  /** The server's first error. */
  #heard: unknown
  #limitError: unknown
  #toldError: unknown
  #settleCloses: (() => void) | undefined
  #endDropping: (() => void) | undefined
  /** The server takes its rows. */
  #copiesFrom: Partial<Writable> = {}

  constructor(query: pg.Submittable, client: pg.Client, sender: SubmittableSender, options: SubmittableOptions) {
    const { types, isGivenUp, caller, takesBack = false, asksRole = false } = options
    this.#state = takesBack || asksRole ? 'untold' : 'open'
    this.#awaitsRole = asksRole
    this.#isGivenUp = isGivenUp
    this.#sender = sender
    this.#query = query as unknown as Partial<QueryInternals>
    this.#connection = (client as unknown as { readonly connection: WireConnection }).connection
    noteSent(client, textOf(query))
    const shown = caller && showStatement(client, { ...seenOf(query), [CALLER]: caller })
    this.#refusal = unsendableError(query) ?? shown?.refusal
    this.#onEnd = (end) => {
      shown?.ended(end.error)
      sender.onEnd(end)
    }
    adopt(this.#query, client, types)
    if (isPgQuery(query)) prepareValues(this.#query)
    this.#endPages = endPages(this.#query)
  }

  get name(): string | undefined {
    return this.#query.name
  }

  get text(): string | undefined {
    return this.#query.text
  }

  get progress(): Progress {
    const { stream } = this.#connection
    const { writableEnded, destroyed } = this.#copiesFrom
    const writes = writableEnded === false && destroyed === false
    // COPY TO reads from the socket itself, and leaves there what nobody reads.
    const isUsers = writes || isIdleCursor(this.#query) || stream.readableLength > 0
    return { of: this, moved: stream.bytesRead + stream.bytesWritten, isUsers }
  }

  /** Something else than its server ends it. What runs is cancelled besides. */
  end(by: EarlyEnd, error: unknown): void {
    if (by === 'refused') this.#refusal ??= error
    else this.#limitError = error
    if (this.#signal(by) === 'take-back') this.#heard = error
  }

  submit(connection: WireConnection): Error | null | undefined | void {
    const act = this.#signal('turn')
    if (this.#state === 'taken-back') {
      this.#endUntold('answered')
      return this.#refusal as Error
    }
    if (this.#isGivenUp() || act !== 'pass') {
      this.#onEnd({ kind: 'ended', error: this.#toldError, unsent: act === 'pass' ? 'closed' : 'unsendable' })
      return new Error('It was closed before it was sent')
    }
    this.#settleCloses = settleClosesOnLoss(this.#query)
    this.#endDropping = dropOnceDestroyed(this.#query, this.#sender.onDestroyed)
    if (this.#awaitsRole && this.#refusal === undefined) askRoleAhead(connection)
    const refused = this.#refusal ?? this.#query.submit?.(connection)
    if (refused instanceof Error) {
      runUsers(() => this.#query.handleError?.(refused, connection))
      this.#onEnd({ kind: 'ended', error: refused, unsent: 'unsendable' })
      return refused
    }
    if (this.#state === 'untold') this.#sent = holdCursor(this.#query)
    return null
  }

  handleRowDescription(message: RowDescription): void {
    if (this.#state !== 'over' && this.#state !== 'taken-back') this.#query.handleRowDescription?.(message)
  }

  handleDataRow(message: DataRow): void {
    if (this.#awaitsRole) this.#isMisled = isOfStandby(message.fields)
    else if (this.#signal('news') === 'pass') this.#query.handleDataRow?.(message)
  }

  handlePortalSuspended(connection: WireConnection): void {
    if (this.#signal('page') === 'pass') this.#query.handlePortalSuspended?.(connection)
    else this.#endPages(connection)
  }

  handleCommandComplete(message: unknown, connection: WireConnection): void {
    if (this.#awaitsRole) this.#takeRole(connection)
    else if (this.#signal('news') === 'pass') this.#query.handleCommandComplete?.(message, connection)
    else this.#endPages(connection)
  }

  handleEmptyQuery(connection: WireConnection): void {
    if (this.#signal('news') === 'pass') this.#query.handleEmptyQuery?.(connection)
    else this.#endPages(connection)
  }

  handleCopyInResponse(connection: WireConnection): void {
    this.#copiesFrom = this.#query as Partial<Writable>
    this.#query.handleCopyInResponse?.(connection)
  }

  handleCopyData(message: unknown, connection: WireConnection): void {
    this.#query.handleCopyData?.(message, connection)
  }

  handleError(error: unknown, connection: WireConnection): void {
    this.#heard ??= error
    this.#endDropping?.()
    this.#takeBackOrOpen()
    this.#signal(isFatal(error) ? 'fatal' : 'error')
    // As the cursor does that is told of it.
    if (this.#state === 'taken-back') return connection.sync()
    forgetPortal(this.#query)
    if (this.#state !== 'dying') this.#endPages(connection)
  }

  handleReadyForQuery(connection: WireConnection): void {
    // Nobody has asked for it.
    if (this.#state === 'dying') detachCursor(this.#query)
    if (this.#signal('ready') === 'pass') runUsers(() => this.#query.handleReadyForQuery?.(connection))
    if (this.#state === 'taken-back') this.#endUntold(this.#isMisled ? 'misled' : 'answered')
    else this.#onEnd({ kind: 'ended', error: this.#toldError, unsent: this.#unsent })
  }

  lost(cause: unknown, written: boolean): void {
    // The same would come from any server.
    if (isValueTooLong(cause)) this.#signal('news')
    this.#takeBackOrOpen()
    const act = this.#signal('lost')
    // What was heard ahead of it may have been its farewell.
    this.#heard ??= cause
    if (this.#state === 'taken-back') return this.#endUntold(written ? 'lost' : 'unsent')
    const error = this.#limitError === undefined ? this.#heard : cause
    this.#settleCloses?.()
    this.#endDropping?.()
    if (act === 'tell-loss') this.#tell(this.#sender.lossError(error, written))
    this.#onEnd({ kind: 'lost', error, written })
  }

  /** pg's own Query tells by itself of a value that cannot be bound, and goes on. */
  get #unsent(): 'unsendable' | undefined {
    return isPgQuery(this.#query) && isUnbindable(this.#query.values) ? 'unsendable' : undefined
  }

  #signal(signal: SubmittableSignal): SubmittableAct {
    const before = this.#state
    const [state, act] = nextSubmittableStep(before, signal)
    this.#state = state
    if (before === 'untold' && state !== 'untold') this.#sent?.settle()
    if (act === 'tell') this.#tell(this.#heard)
    if (act === 'tell-limit') this.#tell(this.#limitError)
    return act
  }

  #tell(error: unknown): void {
    this.#toldError = error
    forgetPortal(this.#query)
    // A cursor that is told of it may be closed by its user at once, and is then as behind its last row.
    runUsers(() => failLastRead(this.#query, error))
    runUsers(() => this.#query.handleError?.(error, this.#connection))
  }

  /** A cursor is asked for rows only behind what comes next. */
  #takeRole(connection: WireConnection): void {
    this.#awaitsRole = false
    if (this.#isMisled) this.#takeBackOrOpen()
    if (this.#signal(this.#isMisled ? 'refused' : 'news') === 'take-back') connection.sync()
  }

  /** It is taken back, unless its user has closed it. */
  #takeBackOrOpen(): void {
    if (this.#state !== 'untold') return
    const isGivenUp = this.#sent === undefined ? this.#isGivenUp : this.#sent.takeBack()
    if (isGivenUp === undefined) this.#signal('news')
    else this.#isGivenUp = isGivenUp
  }

  #endUntold(as: UntoldEnd['as']): void {
    this.#onEnd({ kind: 'untold', as, error: this.#heard, isGivenUp: this.#isGivenUp })
  }
}

/** What tracers are shown of it: not itself, because they copy it. */
function seenOf(query: object): pg.QueryConfig {
  const { values, name } = query as Partial<QueryInternals>
  return { text: textOf(query) ?? '', ...(Array.isArray(values) && { values }), ...(name !== undefined && { name }) }
}
