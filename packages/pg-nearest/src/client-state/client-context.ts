import type { Lease } from '../pooled-connection/lease.ts'
import type { RouteReason, ServedBy } from '../events/served-by.ts'
import { runWithinAsync, unlessDone, type LimitedEnd } from '../send/run-with-cancellation.ts'
import { scopeOf, type Engine, type OwnSession, type Scope } from '../execute/engine-interface.ts'
import { noteWritten, shadowOf, tellShadow, type Shadow } from '../execute/predict-normal-route.ts'
import type { MultiplexedRead } from '../lane-rides/multiplexed-read.ts'
import { enforcementWithin, type Enforcement } from '../send/read-only-enforcement.ts'
import { runStatement, type RunEnd } from '../send/run-statement.ts'
import { doubtCutStatement } from '../freshness/doubt-cut-statement.ts'
import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import type { Trust } from '../freshness/statement-ending.ts'
import { positionBefore } from '../freshness/caught-up-with-primary.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import { mayCommit } from '../statement/may-ask-position.ts'
import { nextShadowPlace, placedIn, SHADOW_FREE, type ShadowPlace } from '../route/shadow-client-state.ts'
import { writeOrder } from '../server-selection/server-selection.ts'
import { getsWrites } from '../server-selection/gets-writes.ts'
import type { Request } from '../route/request.ts'
import { asksValue, mayBeReliedOn, mayGenerateValue, mayLeaveTrace } from '../statement/may-leave-trace.ts'
import { errorAfterLost, leftValuesError, lostTransactionError } from '../failures/transaction-errors.ts'
import { FREE, nextClientState, nextStateAfterStream, type ClientState } from './client-state-machine.ts'
import { isUnsendable, prepareValues, type QueryInternals } from '../wire/pg-internals.ts'
import type { HeldConnection } from './held-connection.ts'
import { limitsOf, type QueuedStatement } from './queued-statement.ts'
import { TransactionCompleteness } from '../statement/transaction-completeness.ts'

/** How a statement ended on the held connection, and whether a transaction was open then. */
export interface HeldEnd {
  readonly end: LimitedEnd<RunEnd>
  readonly open: boolean
}

/** Restrictions of a borrowed client, beside the scope of its pool. */
export interface ClientLimits {
  /** Aborting it cancels what runs, and nothing runs afterwards. */
  readonly signal?: AbortSignal | undefined
  /** Writes are refused by the server, as on a read-only handle; but statements that a standby cannot run go to the primary. */
  readonly readOnly?: boolean | undefined
  /** Servers that are tried last, because they have just failed. */
  readonly avoid?: readonly string[] | undefined
  /** COMMIT rolls back where the server has never heard of one of its statements, as it does where one has failed there. Otherwise, as in pg, it commits the rest. */
  readonly allOrNothing?: boolean | undefined
}

/** How a statement is sent this time. */
export interface Sending {
  readonly config: Request['config']
  readonly enforcement: Enforcement
  readonly trust: Trust
  readonly check: FreshnessCheck | undefined
  /** It is taken for a read, so that its caller's limit ends it at once, wherever it runs. */
  readonly reads: boolean
  /** Called when it has ended, before what is cancelled is waited for. */
  readonly onEnd?: ((end: LimitedEnd<RunEnd>) => void) | undefined
}

/** What the statements of one borrowed client share. */
export class ClientContext {
  readonly engine: Engine
  /** As its pool lent it. */
  readonly #given: Scope
  #scope: Scope
  #shadow: ShadowPlace = SHADOW_FREE
  readonly held: HeldConnection
  /** See {@link ClientLimits.signal}. */
  readonly signal: AbortSignal | undefined
  readonly avoid: readonly string[] | undefined
  readonly #readOnly: boolean
  /** See {@link ClientLimits.allOrNothing}. */
  readonly allOrNothing: boolean
  readonly completeness: TransactionCompleteness = new TransactionCompleteness()
  #state: ClientState = FREE
  /** What {@link holdForNow} was said of. */
  #makeshift: Lease | undefined
  /** A BEGIN that has been answered but not sent yet. */
  begin: QueuedStatement | undefined
  /** Its latest read that may share a connection with others. */
  rider: MultiplexedRead | undefined
  /** The connection that died with what may commit on it. */
  #lostCommitOn: Lease | undefined
  /** With one database: the connection that has what its statements may rely on, though no text shows that. */
  #reliesOn: Lease | undefined
  /** The connection that has generated values, and that it has asked for them. */
  #generatedOn: Lease | undefined
  #asksFor: Lease | undefined

  constructor(engine: Engine, scope: Scope, held: HeldConnection, limits: ClientLimits) {
    this.engine = engine
    this.#given = scope
    this.#scope = scope
    this.held = held
    this.signal = limits.signal
    this.avoid = limits.avoid
    this.#readOnly = limits.readOnly === true
    this.allOrNothing = limits.allOrNothing === true
  }

  /** In the mode in which it runs. */
  get scope(): Scope {
    return this.#scope
  }

  /** Wherever it runs, writes are refused by the server. */
  get neverWrites(): boolean {
    return this.#scope.readOnly || this.#readOnly
  }

  /** Takes over the mode of now, unless a transaction is open, which ends in that in which it began. */
  followMode(own: OwnSession): void {
    const { engine } = this
    // A client that was lent while all was normal costs nothing.
    if (engine.modes.uniform === 'normal' && this.#scope === this.#given) return
    if (!this.held.open && this.begin === undefined) this.#scope = scopeOf(engine, this.#given, () => own)
  }

  /** In the mode `observe`: tells what would have become of a statement that has succeeded. */
  observe({ request, need, own }: QueuedStatement, tookMs: number): void {
    const { engine, scope } = this
    if (scope.instead === undefined) return
    const shadow = this.#placedShadow() ?? shadowOf(engine, scope, request, own)
    this.#shadow = nextShadowPlace(this.#shadow, need, shadow?.onReplica === true ? shadow.server : undefined)
    noteWritten(engine, own, shadow)
    tellShadow(engine, request.config.text, shadow, tookMs)
  }

  #placedShadow(): Shadow | undefined {
    const placed = placedIn(this.#shadow)
    if (placed === undefined) return undefined
    const [primary] = writeOrder(this.engine.topology)
    const server = placed.server ?? primary?.name
    return server === undefined
      ? undefined
      : { server, reason: placed.reason, onReplica: placed.server !== undefined, proof: 'unneeded' }
  }

  get state(): ClientState {
    return this.#state
  }

  /** Goes on in this state; but what is lost stays so until `reset`, whatever ends meanwhile, and the first reason stays. */
  become(next: ClientState): void {
    if (this.#state.kind === 'lost') return
    this.#state = next
    if (next.kind === 'lost') return this.held.tellLoss(next.error)
    const mayWrite = next.kind === 'pinned' || (next.kind === 'transaction' && !next.readOnly)
    if (mayWrite) this.#makeshift = undefined
    this.#leaveMakeshift()
  }

  /**
   * The connection that is held is the primary's only because what was read was missing elsewhere, which passes: it is let go when the
   * client is free, unless it has written by then.
   */
  holdForNow(): void {
    this.#makeshift = this.held.lease
    this.#leaveMakeshift()
  }

  #leaveMakeshift(): void {
    if (this.#makeshift === undefined || this.#state.kind !== 'free') return
    if (this.#makeshift === this.held.lease) this.held.letGo()
    this.#makeshift = undefined
  }

  /** The client was released. */
  reset(): void {
    this.#state = FREE
    this.completeness.forget()
    this.#reliesOn = this.#generatedOn = this.#asksFor = undefined
  }

  /**
   * What is held leads to a primary that gets no writes, or may be one, so that it serves as a standby does. Never while something runs
   * there that was begun where writes went.
   */
  get restricted(): boolean {
    const { lease } = this.held
    const mayMove = this.state.kind === 'free' || this.state.kind === 'reading'
    return lease !== undefined && mayMove && !lease.provenStandby && !getsWrites(this.engine.topology, lease.server)
  }

  /** What is held is a standby's connection, or serves as one. */
  get isOnStandby(): boolean {
    return this.held.lease?.standby === true || this.restricted
  }

  /** Writes are refused by the server that is held, though it may be a primary. */
  get keepsFromWriting(): boolean {
    return this.neverWrites || this.restricted
  }

  /** Whether what is given now may write, as far as the client's state says: not in a transaction that is READ ONLY. */
  get mayWrite(): boolean {
    const { state, begin } = this
    if (this.neverWrites || state.kind === 'reading') return false
    if (begin !== undefined) return begin.need.transaction?.readOnly !== true
    return state.kind !== 'transaction' || !state.readOnly
  }

  /** What is given as COMMIT is to be sent as ROLLBACK: see {@link ClientLimits.allOrNothing}. What has not begun, or is lost, says so by itself. */
  get refusesCommit(): boolean {
    const { kind } = this.state
    return this.completeness.isIncomplete && this.allOrNothing && kind !== 'lost' && kind !== 'unbegun'
  }

  /** The statement whose turn it was has ended without having been sent. Outside of a transaction nothing lacks it. */
  noteUnsent(): void {
    if (this.begin !== undefined || this.held.open || this.state.kind === 'reading') this.completeness.noteUnsent()
  }

  /** COMMIT may be sent behind it before it is answered: what shows only then is looked at ahead. */
  #noteIfUnsendable(config: Partial<QueryInternals>): void {
    if (!this.allOrNothing) return
    prepareValues(config)
    if (isUnsendable(config)) this.noteUnsent()
  }

  /** Nothing binds it to a connection of its own, so that what it reads may share one with others. */
  get mayShare(): boolean {
    return this.state.kind === 'free' && this.begin === undefined && this.held.isNeedless
  }

  /** @param next - the statement that is to run. */
  throwIfLost(next?: QueuedStatement): void {
    if (next !== undefined) {
      this.#noteAsking(next)
      this.completeness.next(next.need, next.request.config.text)
    }
    const isBound = this.state.kind === 'transaction' || this.state.kind === 'reading' || this.state.kind === 'pinned'
    if (isBound && this.held.lease === undefined) this.become({ kind: 'lost', error: lostTransactionError() })
    this.noteLostReliance()
    if (this.state.kind === 'lost' || this.state.kind === 'unbegun') throw this.state.error
  }

  /** What it relies on has gone with its connection: nothing must run without that, nor with what somebody else has set. */
  noteLostReliance(): void {
    const { lease, isMissed } = this.held
    const isGone = (of: Lease | undefined): boolean => of !== undefined && (of !== lease || !of.alive)
    if (isGone(this.#asksFor)) this.become({ kind: 'lost', error: leftValuesError() })
    else if (this.engine.alone && (isMissed || isGone(this.#reliesOn)))
      this.become({ kind: 'lost', error: lostTransactionError() })
  }

  /** A statement is next: with `currval()` it must run where values were generated. */
  #noteAsking({ request: { config }, need }: QueuedStatement): void {
    if (this.#generatedOn !== undefined && asksValue(config.text)) this.#asksFor = this.#generatedOn
    // What comes behind it may be sent before it is answered.
    if (this.state.kind === 'transaction' && mayGenerateValue(config.text, need)) this.#generatedOn = this.held.lease
  }

  /** How a statement is kept from writing. */
  enforcementOf({ need }: Pick<QueuedStatement, 'need'>, reads: boolean): Enforcement {
    if (!this.keepsFromWriting) return 'none'
    if (this.held.open) return enforcementWithin(this.held.here)
    if (need.transaction?.kind === 'begin') return 'begin'
    return reads ? 'read' : 'statement'
  }

  /**
   * Sends a statement on the held connection. If the caller's limit ends it, the caller is told as `runWithin` says, and this resolves
   * when the connection can be used again.
   */
  async send(statement: QueuedStatement, lease: Lease, sending: Sending): Promise<HeldEnd> {
    const { need } = statement
    const { config, enforcement, check, trust, reads } = sending
    if (mayLeaveTrace(statement.request.config.text, need)) lease.mark()
    const wasOpen = lease.status !== 'I'
    const before = lease.standby ? positionBefore(this.engine, lease) : undefined
    const run = { config, enforcement, check, trust, need, context: this.engine, before }
    const limits = limitsOf(statement)
    if (limits.signal?.aborted === true) this.noteUnsent()
    this.#noteIfUnsendable(config as Partial<QueryInternals>)
    const mayCommitHere = enforcement === 'none' && (!wasOpen || mayCommit(need))
    const { provenStandby } = lease
    const canWrite = !provenStandby && mayCommitHere
    let open = wasOpen
    const ended = await runWithinAsync<RunEnd>(
      lease,
      limits,
      (onEnd) =>
        runStatement(lease, run, (heard) => {
          open = lease.status !== 'I'
          if (heard.kind === 'lost') this.noteLost(lease, need)
          const isWithdrawn = heard.kind === 'unsent' && lease.alive
          if (heard.kind === 'unsendable' || isWithdrawn) this.noteUnsent()
          onEnd(heard)
        }),
      canWrite && !reads ? () => check?.beginUnsettled() ?? ignore : undefined,
    )
    const commits = need.transaction?.kind === 'commit'
    const end = unlessDone(ended, (heard) => commits && heard.kind === 'result')
    sending.onEnd?.(end)
    check?.emitLosses()
    if (canWrite && (end.kind === 'cut' || end.kind === 'lost')) check?.markUnknown()
    if (check && end.kind === 'cut' && mayCommitHere && provenStandby) void doubtCutStatement(check, lease, this.engine)
    // Its cancellation may come later than its answer.
    if (end !== ended) await lease.fence
    if (end.kind !== 'cut' && end.kind !== 'behind') return { end, open }
    if (end.kind === 'cut') statement.fail(end.error)
    if (!lease.quiet && lease.alive) await lease.cancel()
    await lease.fence
    return { end, open: lease.status !== 'I' }
  }

  /**
   * Whether a statement is not bound to its connection by what it sets, because that is made again wherever the client goes, or ends there. Values that
   * were generated end on their own server alone.
   */
  remembers({ setting, session }: StatementNeed): boolean {
    if (this.engine.alone) return false
    return setting !== undefined || session === 'reset' || (session === 'discard' && this.#generatedOn === undefined)
  }

  /** Updates the state after a statement. `refused`: the server answered with an error. */
  settle({ request, need }: QueuedStatement, open: boolean, refused: boolean, unproven = false): void {
    if (!open) this.held.lease?.endTransaction()
    const standby = this.isOnStandby
    const remembered = this.state.kind === 'free' && !open && this.remembers(need)
    this.become(nextClientState(this.state, { request, need, open, standby, failed: refused, unproven, remembered }))
    if (!refused || need.mayCommitInside === true) this.#noteReliance(request, need)
    if (!refused && !open) this.#noteSettings(request, need)
  }

  #noteReliance({ config: { text } }: Request, need: StatementNeed): void {
    const { lease } = this.held
    if (lease === undefined) return
    if (mayGenerateValue(text, need)) this.#generatedOn = lease
    if (need.session === 'discard') this.#reliesOn = this.#generatedOn = this.#asksFor = undefined
    else if (this.engine.alone && mayBeReliedOn(text, need)) this.#reliesOn = lease
  }

  #noteSettings({ config: { text } }: Request, { session, setting }: StatementNeed): void {
    const { settings, lease } = this.held
    this.#forgetReset(session)
    if (this.state.kind !== 'free' || setting === undefined || lease === undefined || this.engine.alone) return
    settings?.remember(lease, setting, text)
  }

  #forgetReset(session: StatementNeed['session']): void {
    if (session === 'reset' || session === 'discard') this.held.settings?.forget()
  }

  /** Updates the state after a cursor, a stream, a COPY or pg's own `Query`. `refused`: the server answered with an error. */
  settleStream(request: Request, need: StatementNeed, open: boolean, refused: boolean): void {
    if (!open) this.held.lease?.endTransaction()
    this.become(nextStateAfterStream(this.state, { request, need, open, failed: refused }))
    if (!refused) this.#noteReliance(request, need)
    if (!refused && !open) this.#forgetReset(need.session)
  }

  /**
   * A statement died with its connection. To be called in the same tick, so that all that was in flight is known when the first of them
   * is judged.
   */
  noteLost(lease: Lease, need: StatementNeed): void {
    if (mayCommit(need)) this.#lostCommitOn = lease
  }

  /** Whether what is unanswered on a connection that has died may be committed: what may commit it was on its way. */
  mayHaveCommittedOn(lease: Lease): boolean {
    return this.#lostCommitOn === lease
  }

  /** Why the next statement runs on the held connection. */
  get pinnedBy(): RouteReason {
    if (this.state.kind === 'pinned') return 'pinned'
    return this.state.kind === 'reading' && this.state.unproven ? 'unproven' : 'transaction'
  }

  servedBy(server: string, role: ServedBy['role'], reason: RouteReason, attempts: number): ServedBy {
    return { server, region: this.engine.stateOf(server)?.region, role, reason, attempts }
  }

  /** The connection is lost: nothing runs before the release. */
  lose(error: unknown): void {
    this.held.letGo(true)
    this.become({ kind: 'lost', error: errorAfterLost(error) })
  }
}

function ignore(): void {}
