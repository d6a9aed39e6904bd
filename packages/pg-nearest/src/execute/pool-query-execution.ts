import type { Lease } from '../pooled-connection/lease.ts'
import type { Candidate } from '../errors.ts'
import { arrivalAt, inRegion, type ServedBy } from '../events/served-by.ts'
import type { ReplicaBehindError } from '../session-positions/replica-behind-error.ts'
import { FREE_GATE } from '../session-positions/external-bookmark-gate.ts'
import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import { trusts } from '../freshness/statement-ending.ts'
import { isMisled, backendPreference, misledBy, waitingPreference } from '../freshness/backend-preference.ts'
import type { Preference } from '../checkout/connection-preference.ts'
import { SHARES } from '../checkout/wait-queue.ts'
import { positionBefore } from '../freshness/caught-up-with-primary.ts'
import { createFreshnessCheck } from '../freshness/create-freshness-check.ts'
import { doubtCutStatement } from '../freshness/doubt-cut-statement.ts'
import type { Refusable } from '../limits/refusable.ts'
import type { Hedging } from '../limits/hedge-policy.ts'
import { isOfConnection } from '../route/failure-meaning.ts'
import { isRegional, planFallback, type Attempt } from '../route/plan-servers.ts'
import { asksForPrimary, isKnownToWrite, planStatement } from '../route/plan-statement.ts'
import { queryTimeoutOf, type Request } from '../route/request.ts'
import type { SessionState } from '../session/session-state.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import type { StatementResult } from '../wire/exchange.ts'
import { createMultiplexedRead, type MultiplexedRead, type Trip } from '../lane-rides/multiplexed-read.ts'
import { notSent, runWithin, type LimitedEnd } from '../send/run-with-cancellation.ts'
import { ownSession, type Engine, type Scope } from './engine-interface.ts'
import type { Arrival, AttemptEnd, Execution, HedgePlan, Turn } from '../walk/execution-types.ts'
import { mayAwaitPrimary } from './may-await-primary.ts'
import { beginOnPoolError, warnOfOpenTransaction } from './warn-of-open-transaction.ts'
import { enforcementWithin, type Enforcement } from '../send/read-only-enforcement.ts'
import { awaitBookmarkClaim } from '../walk/await-bookmark-claim.ts'
import { candidatesOf, type ListState } from '../failures/no-server-error.ts'
import { runStatement, type RunEnd } from '../send/run-statement.ts'
import { withoutStatementName } from '../route/without-statement-name.ts'
import type { WalkFacts } from '../walk-states/walk-state.ts'
import { notSentError } from '../failures/read-only-mode-errors.ts'
import { getsWrites } from '../server-selection/gets-writes.ts'
import type { WriteGuard } from '../write-guard/before-write-hook.ts'

/** A result, and who gave it. */
export interface Served {
  readonly result: StatementResult
  readonly servedBy: ServedBy
}

type StatementTurn = Turn<StatementResult>

/** One object instead of a closure for each step, because that is measurable on short reads. */
export class PoolQueryExecution implements Execution<StatementResult, Served> {
  readonly facts: WalkFacts
  readonly text: string
  readonly signal: AbortSignal | undefined
  readonly attempts: readonly Attempt[]
  readonly lists: number
  readonly engine: Engine
  readonly #scope: Scope
  readonly #request: Request
  #config: Request['config']
  readonly #own: SessionState | undefined
  #check: FreshnessCheck | undefined
  /** Checks of earlier plans. */
  #replaced: FreshnessCheck[] | undefined
  readonly #need: StatementNeed
  readonly #hedging: Hedging | undefined
  readonly #guard: WriteGuard | undefined
  readonly #rider: MultiplexedRead | undefined
  #prepareFrom: number | undefined
  /** What it does on its latest server. */
  #stage: 'connecting' | 'running' | 'failing-over' = 'connecting'
  #server: string | undefined
  #hedgeStartedAt = 0
  /** What it waits for. */
  #waiter: Refusable | undefined
  /** What it runs on alone. */
  #lease: Lease | undefined
  #abandoned: Extract<AttemptEnd<never>, { kind: 'cut' }> | undefined
  /** What came of its first attempt, which began ahead of the walk. */
  #firstEnd: AttemptEnd<StatementResult> | undefined

  constructor(engine: Engine, scope: Scope, request: Request, signal: AbortSignal | undefined) {
    const { need, reads, refused, attempts } = planStatement(engine, scope, request)
    if (refused) throw notSentError()
    if (need.transaction?.kind === 'begin' && !engine.single) throw beginOnPoolError()
    this.#guard = scope.readOnly ? undefined : engine.writeGuard()
    // Before a connection is made to the primary, which may be far.
    if (this.#guard !== undefined && isKnownToWrite(engine, scope, request)) this.#guard({ writes: true })
    this.text = request.config.text
    const { readOnly, target } = scope
    const mayCommitInside = need.mayCommitInside === true
    this.facts = { reads, readOnly, regional: isRegional(target), harmless: false, mayCommitInside }
    this.signal = signal
    this.#own = ownSession(engine, scope)
    this.#check = createFreshnessCheck(engine, this.#own, request.consistency, reads)
    if (!reads) this.#check?.queue()
    this.attempts = this.#ordered(attempts)
    this.#need = need
    this.#hedging = reads ? engine.hedging : undefined
    if (engine.lanes !== undefined && !asksForPrimary(scope, request)) {
      this.#rider = createMultiplexedRead(engine, this.facts, need, request.config)
    }
    this.engine = engine
    this.lists = engine.lists
    this.#prepareFrom = reads ? undefined : engine.prepareFrom
    this.#scope = scope
    this.#request = request
    this.#config = request.config
    engine.budget.deposit()
    if (!reads) this.#own?.openWrite()
  }

  /**
   * Begins its first attempt ahead of the walk, if that shares a connection that is shared already. Returns whether it does. Calls one of these
   * back, once: the walk goes on with what else than a result has come of it.
   */
  joinAtOnce(onServed: (served: Served) => void, goOn: () => void): boolean {
    const rider = this.#rider
    const [attempt] = this.attempts
    if (rider?.isWilling !== true || attempt === undefined || this.signal?.aborted === true) return false
    const { server, reason } = attempt
    if (this.#check?.isClaimed(server) === true) return false
    if (backendPreference(this.engine, attempt, this.#check) !== undefined) return false
    const joined = rider.join(false, {
      attempt,
      check: this.#check,
      signal: this.signal,
      end: (end) => {
        if (end?.kind === 'result') return onServed(this.succeeded(end.result, arrivalAt(server, reason, end.standby)))
        this.#firstEnd = end
        goOn()
      },
    })
    if (!joined) return false
    this.#server = server
    this.#stage = 'running'
    return true
  }

  mayAwaitPrimary(): boolean {
    return mayAwaitPrimary(this.engine, this.#scope, this.facts.reads)
  }

  /** A new plan, by what is known now. */
  replan(): readonly Attempt[] {
    const { attempts } = planStatement(this.engine, this.#scope, this.#request)
    if (!this.facts.reads) return attempts
    // What its session has learned since counts for the rest of the way.
    if (this.#check !== undefined) (this.#replaced ??= []).push(this.#check)
    this.#check = createFreshnessCheck(this.engine, this.#own, this.#request.consistency, true)
    return this.#check === undefined ? attempts : this.#check.order(attempts)
  }

  #ordered(attempts: readonly Attempt[]): readonly Attempt[] {
    return this.facts.reads && this.#check !== undefined ? this.#check.order(attempts) : attempts
  }

  primaries(): readonly Attempt[] {
    return planFallback(this.engine.topology, this.#scope.target)
  }

  /** For an error about its time. */
  get waitingFor(): string | undefined {
    if (this.#stage === 'failing-over') {
      return this.engine.list === 'awaited' ? 'for the list of servers' : 'for a server that takes writes'
    }
    return this.#server && `for ${this.#stage === 'running' ? 'an answer of' : 'a connection to'} ${this.#server}`
  }

  /** Nobody waits for it any more: it ends with this reason. */
  abandon(reason: Error): void {
    this.#abandoned = { kind: 'cut', error: reason }
    this.#rider?.abandon(reason)
    this.#lease?.kill(reason)
    this.#waiter?.refuse(reason)
  }

  onWait(waiter: Refusable): void {
    this.#waiter = waiter
  }

  attempt(attempt: Attempt, turn: StatementTurn, signal: AbortSignal | undefined): void {
    const ended = this.#firstEnd
    this.#firstEnd = undefined
    if (ended !== undefined) return turn.end(ended)
    this.#server = attempt.server
    this.#stage = 'running'
    const gate = this.#keeper?.enterPrimary(attempt.server) ?? FREE_GATE
    if (gate.kind === 'free') return this.#connect(attempt, turn, signal)
    awaitBookmarkClaim(gate, signal, turn, (inside) => this.#connect(attempt, inside, signal))
  }

  #connect(attempt: Attempt, turn: StatementTurn, signal: AbortSignal | undefined): void {
    if (this.#abandoned !== undefined) return turn.end(this.#abandoned)
    const { server } = attempt
    const preferred = backendPreference(this.engine, attempt, this.#check)
    const rider = preferred === undefined && this.#rider?.isWilling === true ? this.#rider : undefined
    const trip = rider && this.#tripOf(attempt, turn, signal)
    if (trip !== undefined && rider?.join(false, trip) === true) return
    const lease = this.engine.take(server, 'statement', preferred)
    if (lease !== undefined) return this.#use(lease, attempt, turn, signal)
    if (trip !== undefined && rider?.join(true, trip) === true) return
    this.#stage = 'connecting'
    const share = trip && (() => this.#joinNext(trip))
    const preference = (): Preference | undefined => waitingPreference(this.engine, attempt, this.#check)
    const mayMove = this.facts.reads && turn.hasNext
    const onWait = (waiter: Refusable): void => this.onWait(waiter)
    this.engine.acquire(server, { purpose: 'statement', preference, mayMove, share, onWait }, signal).then(
      (acquired) => {
        if (this.#keeper?.keepsFrom(server) !== true) return this.#use(acquired, attempt, turn, signal)
        acquired.release()
        turn.end({ kind: 'replan' })
      },
      (error: unknown) => {
        if (error !== SHARES) turn.end(notSent(error, signal))
      },
    )
  }

  /** What keeps it from a primary, also once it has waited. What shows no rows and cannot write may be asked of any server. */
  get #keeper(): FreshnessCheck | undefined {
    return this.facts.reads || !this.facts.readOnly ? this.#check : undefined
  }

  /** Returns whether it need not wait for a connection any more. */
  #joinNext(trip: Trip): boolean {
    const joined = this.#abandoned === undefined && this.#rider?.joinNext(trip) === true
    if (joined) this.#stage = 'running'
    return joined
  }

  #tripOf(attempt: Attempt, turn: StatementTurn, signal: AbortSignal | undefined): Trip {
    return {
      attempt,
      check: this.#check,
      signal,
      end: (end) => {
        if (end !== undefined) return turn.end(end)
        try {
          this.#connect(attempt, turn, signal)
        } catch (error) {
          turn.end({ kind: 'cut', error })
        }
      },
    }
  }

  /** A connection that was taken is given back, whatever throws. */
  #use(lease: Lease, attempt: Attempt, turn: StatementTurn, signal: AbortSignal | undefined): void {
    if (this.#abandoned !== undefined) {
      lease.release()
      return turn.end(this.#abandoned)
    }
    try {
      this.#run(lease, attempt, turn, signal)
    } catch (error) {
      lease.release(true)
      turn.end({ kind: 'cut', error })
    }
  }

  #run(lease: Lease, attempt: Attempt, turn: StatementTurn, signal: AbortSignal | undefined): void {
    const { reads, readOnly } = this.facts
    // Read before sending: the reply may announce a promotion.
    const { standby, generation, provenStandby } = lease
    if (isMisled(this.engine, attempt, lease)) {
      return turn.end({ kind: 'failed', evidence: misledBy(lease), standby, forced: false, generation })
    }
    const rider = this.#rider
    if (rider?.open(lease, this.#tripOf(attempt, turn, signal)) === true) return
    const restricted = !provenStandby && !getsWrites(this.engine.topology, lease.server)
    // It gets no writes any more.
    const isStale = restricted && !reads && !readOnly
    const verdict = isStale ? 'no' : turn.admit(provenStandby || restricted)
    if (verdict === 'no') {
      lease.release()
      return turn.end({ kind: isStale ? 'replan' : 'not-admitted' })
    }
    const forced = verdict === 'read-only' || restricted
    if (this.#guard !== undefined && !forced && !provenStandby) {
      try {
        // A standby may have refused it meanwhile.
        this.#guard({ writes: isKnownToWrite(this.engine, this.#scope, this.#request) })
      } catch (error) {
        lease.release()
        return turn.end({ kind: 'cut', error })
      }
    }
    const config = rider?.takeConfig() ?? this.#config
    this.#stage = 'running'
    lease.movable = reads
    const queryTimeoutMs = queryTimeoutOf(config) ?? this.engine.queryTimeoutMs
    const isLimited = signal !== undefined || queryTimeoutMs !== undefined
    const run = {
      config,
      enforcement: enforcementOf(this.facts, forced, lease),
      check: this.#check,
      trust: trusts(attempt),
      need: this.#need,
      context: this.engine,
      before: standby ? positionBefore(this.engine, lease) : undefined,
      prepareFrom: this.#prepareFrom,
      isLimited,
    } as const
    const isEnforced = run.enforcement !== 'none'
    const harmless = provenStandby || isEnforced
    const startedAt = rider !== undefined ? performance.now() : 0
    this.#lease = lease
    const concluded = (end: LimitedEnd<RunEnd>): void => {
      this.#lease = undefined
      this.#note(end, harmless, lease)
      if (end.kind === 'cut' && !isEnforced && this.#check && provenStandby)
        void doubtCutStatement(this.#check, lease, this.engine)
      rider?.ranAlone(end, lease.server, performance.now() - startedAt)
      const { standby: isStandby } = lease
      if (end.kind === 'answered' && isOfConnection(end.error)) this.#config = withoutStatementName(config)
      // Other connections may refuse its name, too.
      if (end.kind === 'unsent') this.#prepareFrom = undefined
      if ((end.kind === 'result' || end.kind === 'answered') && lease.status !== 'I') {
        // What a listener has begun nobody would commit.
        if (this.engine.single && (this.#need.class === 'transaction' || lease.goesOn)) lease.keepTransaction()
        else warnOfOpenTransaction(this.engine)
      }
      lease.release()
      if (this.#abandoned !== undefined) turn.end(this.#abandoned)
      else if (end.kind === 'result') turn.end({ kind: 'result', result: end.result, standby: isStandby })
      else if (end.kind === 'cut') turn.end(end)
      else turn.end({ kind: 'failed', evidence: end, standby, forced, generation })
    }
    if (!isLimited) return runStatement(lease, run, concluded)
    const mayWrite = harmless || reads ? undefined : () => this.#check?.beginUnsettled() ?? ignore
    const limits = { signal, timeoutMs: queryTimeoutMs }
    runWithin(lease, limits, (ended) => runStatement(lease, run, ended), mayWrite, concluded)
  }

  /** What was not answered may have written, at a position that is not known. What still runs on a server that is behind is cancelled. */
  #note({ kind }: LimitedEnd<RunEnd>, harmless: boolean, lease: Lease): void {
    if ((kind === 'cut' || kind === 'lost') && !harmless) this.#check?.markUnknown()
    if (kind === 'behind' && !lease.quiet) void lease.cancel()
  }

  waitToCatchUp(behind: ReplicaBehindError): Promise<boolean> {
    return this.#check === undefined ? Promise.resolve(false) : this.#check.waitToCatchUp(behind)
  }

  learn(): void {
    this.engine.statements.learnWrite(this.text)
  }

  /** Nothing comes of it any more. */
  end(): void {
    this.#rider?.end()
  }

  /** Emits what the statement has found out, in the caller's async context. */
  emitLosses(): void {
    if (this.#replaced !== undefined) for (const check of this.#replaced) check.emitLosses()
    this.#check?.unqueue()
    if (!this.facts.reads) this.#own?.closeWrite()
    this.#check?.emitLosses()
  }

  succeeded(result: StatementResult, arrival: Arrival): Served {
    if (this.#hedging !== undefined) this.#hedging.note(performance.now() - this.#hedgeStartedAt)
    return { result, servedBy: inRegion(arrival, this.engine.stateOf(arrival.server)?.region) }
  }

  waitForWriter(since: number, waitedMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    this.#stage = 'failing-over'
    return this.engine.waitForWriter(since, waitedMs, signal)
  }

  candidates(): readonly Candidate[] {
    return candidatesOf(this.engine.topology)
  }

  listState(): ListState {
    return this.engine.list
  }

  hedge(): HedgePlan | undefined {
    const hedging = this.#hedging
    if (hedging === undefined) return undefined
    this.#hedgeStartedAt = performance.now()
    const afterMs = hedging.begin()
    // One that proves nothing is for when nobody else is left, and not for when somebody is slow.
    const proving = this.attempts.filter(({ unproven }) => unproven !== true)
    if (afterMs === undefined || proving.length < 2) return undefined
    return {
      afterMs,
      take: () => hedging.take(),
      attempts: () => proving.map(({ server }) => ({ server, reason: 'hedged' })),
    }
  }
}

function enforcementOf({ readOnly, reads }: WalkFacts, forced: boolean, lease: Lease): Enforcement {
  if (!readOnly && !forced) return 'none'
  if (lease.status !== 'I') return enforcementWithin(lease)
  return readOnly && reads && !forced ? 'read' : 'statement'
}

function ignore(): void {}
