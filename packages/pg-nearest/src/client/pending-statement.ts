import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import { ownSession, type OwnSession } from '../execute/engine-interface.ts'
import type { Witness } from '../events/served-by-collector.ts'
import { clock, reportFailure, reportResult } from '../events/report-outcome.ts'
import { joinSignals, type JoinedSignal } from '../limits/joined-signal.ts'
import { translateReadOnlyError } from '../execute/translate-read-only-error.ts'
import { createFreshnessCheck } from '../freshness/create-freshness-check.ts'
import { planStatement } from '../route/plan-statement.ts'
import { queryTimeoutOf, type Request } from '../route/request.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import type { StatementResult } from '../wire/exchange.ts'
import type { WriteGuard } from '../write-guard/before-write-hook.ts'
import type { ClientContext } from '../client-state/client-context.ts'
import type { QueuedStatement, Serving } from '../client-state/queued-statement.ts'
import { mayBePipelined } from '../client-transaction/pipelining-eligibility.ts'
import { permittedText } from '../client-execution/permitted-text.ts'
import { delivering, type Turn } from '../client-execution/statement-queue.ts'

/** Whoever gave a statement: one of the two is called once, in the same tick in which it ends. */
export interface Caller {
  readonly resolve: (result: StatementResult) => void
  readonly reject: (error: unknown) => void
}

/** How it is run when its turn comes. */
export interface StatementWay {
  readonly route: (statement: PendingStatement) => Promise<Serving>
  /** Called once, when it is sent no more. `isUnsent`: its turn never came. */
  readonly onOver?: (isUnsent: boolean) => void
}

/** A statement that was given to a borrowed client, from then until its caller has been told. */
export class PendingStatement implements QueuedStatement, Turn {
  request: Request
  need: StatementNeed
  readonly givenAt: number
  readonly queryTimeoutMs: number | undefined
  readonly own: OwnSession
  readonly guard: WriteGuard | undefined
  readonly pipelined: boolean
  readonly followable: boolean
  onLeft?: () => void
  readonly #client: ClientContext
  readonly #way: StatementWay
  readonly #caller: Caller
  #reads: boolean
  readonly #witness: Witness | undefined
  readonly #start: number
  #check: FreshnessCheck | undefined
  #isChecked = false
  #isTold = false
  #runs = false
  readonly #ends: JoinedSignal

  constructor(client: ClientContext, request: Request, caller: Caller, way: StatementWay) {
    const { engine, scope } = client
    const { need, reads } = planStatement(engine, scope, request, (of) => client.remembers(of))
    this.#client = client
    this.#way = way
    this.#caller = caller
    this.#start = engine.modes.uniform === 'normal' ? clock(engine) : performance.now()
    this.#reads = reads
    this.#witness = engine.currentWitness()
    this.request = request
    this.need = need
    this.own = ownSession(engine, scope)
    this.guard = engine.writeGuard()
    this.queryTimeoutMs = queryTimeoutOf(request.config) ?? engine.queryTimeoutMs
    // It may be cancelled by itself, and the cancellation would hit what is around it.
    this.pipelined = this.queryTimeoutMs === undefined && mayBePipelined(request, need)
    this.followable = this.pipelined && need.transaction === undefined
    this.givenAt = this.queryTimeoutMs === undefined ? 0 : performance.now()
    this.#ends = joinSignals(request.signal, client.signal)
    if (!reads) this.own?.openWrite()
  }

  get signal(): AbortSignal | undefined {
    return this.#ends.signal
  }

  get check(): FreshnessCheck | undefined {
    if (!this.#isChecked) {
      this.#isChecked = true
      // What sets something shows nothing.
      if (this.#client.remembers(this.need)) return undefined
      this.#check = createFreshnessCheck(this.#client.engine, this.own, this.request.consistency, this.#reads)
    }
    return this.#check
  }

  /**
   * Its turn has come, and it may be another one than it seemed when it was given; or ROLLBACK, where it would commit what must not be.
   *
   * @throws if it must not be sent.
   */
  become(given: Request): void {
    const { text } = given.config
    const permitted = permittedText(this.#client, text)
    if (permitted !== text) this.#client.completeness.noteRefusedCommit()
    const request = permitted === text ? given : { ...given, config: { text: permitted as string } }
    if (request === this.request) return
    const { engine, scope } = this.#client
    const { need, reads } = planStatement(engine, scope, request, (of) => this.#client.remembers(of))
    if (reads && !this.#reads) this.own?.closeWrite()
    if (!reads && this.#reads) this.own?.openWrite()
    this.#check?.unqueue()
    this.#isChecked = false
    this.#check = undefined
    this.request = request
    this.need = need
    this.#reads = reads
  }

  start(): Promise<() => void> {
    this.#runs = true
    return delivering(this.#run(), this)
  }

  /** It listens to its signals until its connection can be used again, which may be after it was told. */
  async #run(): Promise<Serving> {
    try {
      return await this.#way.route(this)
    } finally {
      this.#leave()
    }
  }

  #leave(): void {
    this.#ends.forget()
    this.#way.onOver?.(!this.#runs)
  }

  settle(serving: Serving): void {
    if (this.#isTold) return
    this.#isTold = true
    if (!this.#runs) this.#leave()
    const { engine, scope } = this.#client
    let reported: StatementResult
    try {
      this.#client.observe(this, performance.now() - this.#start)
      this.#witness?.push(serving.servedBy)
      const { text } = this.request.config
      reported = reportResult(engine, text, this.#start, serving.result, serving.servedBy, scope.mode)
    } catch (error) {
      // A bug here must not leave the caller waiting.
      return this.#reject(error)
    }
    this.#closeWrite()
    this.#caller.resolve(reported)
  }

  fail(error: unknown): void {
    if (this.#isTold) return
    this.#isTold = true
    if (!this.#runs) this.#leave()
    this.#reject(error)
  }

  #reject(error: unknown): void {
    const { engine, scope, neverWrites } = this.#client
    this.#closeWrite()
    let told = error
    try {
      told = translateReadOnlyError(scope, this.own, error, neverWrites)
      told = reportFailure(engine, this.request.config.text, this.#start, told, scope.mode)
    } catch {
      // What the caller's own values and signals have thrown throws again when it is looked at.
    }
    this.#caller.reject(told)
  }

  #closeWrite(): void {
    if (!this.#reads) this.own?.closeWrite()
  }
}
