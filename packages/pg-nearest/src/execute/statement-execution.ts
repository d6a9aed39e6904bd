import type { Lease } from '../connections/lease.ts'
import type { Candidate } from '../errors.ts'
import type { BehindError } from '../freshness/behind-error.ts'
import { trusts, type FreshnessCheck } from '../freshness/freshness-check.ts'
import { createFreshnessCheck } from '../freshness/create-freshness-check.ts'
import type { Hedging } from '../limits/hedging.ts'
import { planInstead, type Attempt } from '../route/plan.ts'
import { planStatement } from '../route/plan-statement.ts'
import type { Request } from '../route/request.ts'
import { letsAskBehind } from '../statement/text-predicates.ts'
import type { StatementResult } from '../wire/exchange.ts'
import { noConnection, runWithin } from './run-within-limits.ts'
import type { Engine, Scope } from './engine.ts'
import type { Admit, Arrival, AttemptEnd, Execution, HedgePlan } from '../walk/execution.ts'
import { mayAwaitPrimary } from './may-await-primary.ts'
import { candidatesOf } from '../walk/no-server-error.ts'
import { recordResult } from './record-outcome.ts'
import { runStatement } from './run-statement.ts'
import type { WalkFacts } from '../walk/walk-state.ts'

/** One object instead of a closure for each step, because that is measurable on short reads. */
export class StatementExecution implements Execution<StatementResult, StatementResult> {
  readonly facts: WalkFacts
  readonly text: string
  readonly signal: AbortSignal | undefined
  readonly attempts: readonly Attempt[]
  readonly #engine: Engine
  readonly #scope: Scope
  readonly #request: Request
  readonly #check: FreshnessCheck | undefined
  readonly #letsAskBehind: boolean
  readonly #startedAt: number
  readonly #hedging: Hedging | undefined
  #hedgeStartedAt = 0

  constructor(engine: Engine, scope: Scope, request: Request, signal: AbortSignal | undefined, startedAt: number) {
    this.#startedAt = startedAt
    const { need, reads, attempts } = planStatement(engine, scope, request)
    this.text = request.config.text
    this.facts = { reads, readOnly: scope.readOnly, harmless: false }
    this.signal = signal
    this.#check = createFreshnessCheck(engine, scope.session, request.consistency, reads)
    this.attempts = this.#ordered(attempts)
    this.#letsAskBehind = letsAskBehind(request.config.text, need)
    this.#hedging = reads ? engine.hedging : undefined
    this.#engine = engine
    this.#scope = scope
    this.#request = request
    engine.budget.deposit()
  }

  mayAwaitPrimary(): boolean {
    return mayAwaitPrimary(this.#engine, this.#scope, this.facts.reads)
  }

  /** A new plan, by what is known now. */
  replan(): readonly Attempt[] {
    const { attempts } = planStatement(this.#engine, this.#scope, this.#request)
    if (!this.facts.reads) return attempts
    const { consistency } = this.#request
    const check = createFreshnessCheck(this.#engine, this.#scope.session, consistency, true)
    return check === undefined ? attempts : check.order(attempts)
  }

  #ordered(attempts: readonly Attempt[]): readonly Attempt[] {
    return this.facts.reads && this.#check !== undefined ? this.#check.order(attempts) : attempts
  }

  primaries(): readonly Attempt[] {
    return planInstead(this.#engine.topology)
  }

  async attempt(attempt: Attempt, admit: Admit, signal: AbortSignal | undefined): Promise<AttemptEnd<StatementResult>> {
    const { server } = attempt
    const claim = this.#check?.confirmClaim(server)
    const leave = claim === undefined ? undefined : await claim
    if (claim !== undefined && leave === undefined) return { kind: 'replan' }
    let lease: Lease
    try {
      lease = this.#engine.take(server, 'statement') ?? (await this.#engine.acquire(server, 'statement', signal))
    } catch (error) {
      leave?.()
      return notSent(noConnection(error, signal))
    }
    const end = await this.#run(lease, attempt, admit, signal)
    leave?.()
    lease.release()
    return end
  }

  #run(
    lease: Lease,
    attempt: Attempt,
    admit: Admit,
    signal: AbortSignal | undefined,
  ): Promise<AttemptEnd<StatementResult>> | AttemptEnd<StatementResult> {
    const verdict = admit(lease.provenStandby)
    if (verdict === 'no') return { kind: 'not-admitted' }
    const forced = verdict === 'read-only'
    const { reads, readOnly } = this.facts
    const { config } = this.#request
    // Read before sending: the reply may announce a promotion.
    const { standby, generation, provenStandby } = lease
    lease.movable = reads
    const run = {
      config,
      enforcement: forced ? 'statement' : readOnly ? (reads ? 'read' : 'statement') : 'none',
      check: this.#check,
      trust: trusts(attempt),
      letsAskBehind: this.#letsAskBehind,
    } as const
    const queryTimeoutMs = queryTimeoutOf(config) ?? this.#engine.queryTimeoutMs
    const send = (onEnd: (end: AttemptEnd<StatementResult>) => void): void =>
      runStatement(lease, run, (end) => {
        if (end.kind === 'result') onEnd({ kind: 'result', result: end.result, standby: lease.standby })
        else onEnd({ kind: 'failed', evidence: end, standby, forced, generation })
      })
    const harmless = provenStandby || run.enforcement !== 'none'
    if (signal === undefined && queryTimeoutMs === undefined) {
      return new Promise((resolve) => send((end) => resolve(this.#noted(end, harmless, lease))))
    }
    const mayWrite = harmless || reads ? undefined : () => this.#check?.beginUnsettled() ?? ignore
    const limits = { signal, timeoutMs: queryTimeoutMs }
    return runWithin<AttemptEnd<StatementResult>>(lease, limits, send, mayWrite).then((end) =>
      this.#noted(end, harmless, lease),
    )
  }

  /**
   * Marks the session's position as unknown if an unanswered statement may have written. Cancels what still runs on a server that
   * is behind.
   */
  #noted(end: AttemptEnd<StatementResult>, harmless: boolean, lease: Lease): AttemptEnd<StatementResult> {
    if (end.kind === 'cut' && !harmless) this.#check?.markUnknown()
    if (end.kind !== 'failed') return end
    if (end.evidence.kind === 'lost' && !harmless) this.#check?.markUnknown()
    if (end.evidence.kind === 'behind' && !lease.quiet) void lease.cancel()
    return end
  }

  catchesUp(behind: BehindError): Promise<boolean> {
    return this.#check === undefined ? Promise.resolve(false) : this.#check.catchesUp(behind)
  }

  learn(): void {
    this.#engine.statements.learnWrite(this.text)
  }

  succeeded(result: StatementResult, arrival: Arrival): StatementResult {
    const { server, role, reason, attempts } = arrival
    const servedBy = { server, region: this.#engine.regionOf(server), role, reason, attempts }
    if (this.#hedging !== undefined) this.#hedging.note(performance.now() - this.#hedgeStartedAt)
    return recordResult(this.#engine, this.text, this.#startedAt, result, servedBy)
  }

  report(server: string, generation: number, sign: 'lost' | 'role', error: unknown): void {
    this.#engine.report({ server, generation, sign, error })
  }

  mayResend(): boolean {
    return this.#engine.budget.withdraw()
  }

  findWriter(since: number, waitedMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    return this.#engine.findWriter(since, waitedMs, signal)
  }

  candidates(): readonly Candidate[] {
    return candidatesOf(this.#engine.topology)
  }

  hedge(): HedgePlan | undefined {
    const hedging = this.#hedging
    if (hedging === undefined) return undefined
    this.#hedgeStartedAt = performance.now()
    const afterMs = hedging.begin()
    if (afterMs === undefined || this.attempts.length < 2) return undefined
    return { afterMs, take: () => hedging.take(), attempts: () => this.attempts.map(asHedged) }
  }
}

function asHedged({ server, unproven }: Attempt): Attempt {
  return unproven === undefined ? { server, reason: 'hedged' } : { server, reason: 'hedged', unproven }
}

/** A query's own `query_timeout`, which pg's types leave out. */
export function queryTimeoutOf(config: object): number | undefined {
  const { query_timeout: timeoutMs } = config as { readonly query_timeout?: unknown }
  return typeof timeoutMs === 'number' && timeoutMs > 0 ? timeoutMs : undefined
}

function notSent(end: ReturnType<typeof noConnection>): AttemptEnd<never> {
  if (end.kind === 'cut') return end
  return { kind: 'failed', evidence: end, standby: false, forced: false, generation: undefined }
}

function ignore(): void {}
