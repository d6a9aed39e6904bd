import type { Candidate } from '../errors.ts'
import type { Lease } from '../monitor/server-connections.ts'
import { abandonable } from './abandonable.ts'
import type { Engine, Scope } from './engine.ts'
import type { BehindError } from './behind-error.ts'
import { withinDeadline } from './deadline.ts'
import { isFatal } from './fatal.ts'
import type { Guard } from './guard.ts'
import { guardFor } from './guard-for.ts'
import { hedge, type Leg } from './hedge.ts'
import type { Hedging } from './hedging.ts'
import type { Arrival, Journey } from './journey.ts'
import { mayNeedWriter } from './needs-writer.ts'
import { candidatesOf } from './no-server.ts'
import { planInstead, type Attempt } from './plan.ts'
import { planStatement } from './plan-statement.ts'
import type { Request } from './request.ts'
import { runStatement, type Rider, type StatementResult } from './run-statement.ts'
import { clock, failed, served } from './served.ts'
import { takesRider } from './travel.ts'
import { walk } from './walk.ts'

/** Runs one statement on a connection of its own: what `pool.query` does. `onEnd` is called once it is over. */
export function executeStatement(
  engine: Engine,
  scope: Scope,
  request: Request,
  onEnd: () => void,
): Promise<StatementResult> {
  const timeoutMs = request.timeoutMs ?? engine.timeoutMs
  if (timeoutMs === undefined) return start(engine, scope, request, onEnd)
  return withinDeadline({ signal: request.signal, timeoutMs }, (signal) =>
    start(engine, scope, { ...request, signal }, onEnd),
  )
}

function start(engine: Engine, scope: Scope, request: Request, onEnd: () => void): Promise<StatementResult> {
  if (engine.hedging !== undefined) return startHedged(engine, engine.hedging, scope, request, onEnd)
  return walk(new StatementJourney(engine, scope, request, onEnd))
}

/** A read that takes longer than most is asked of a second server, too. */
function startHedged(
  engine: Engine,
  hedging: Hedging,
  scope: Scope,
  request: Request,
  onEnd: () => void,
): Promise<StatementResult> {
  let open = 1
  const ended = (): void => {
    if (--open === 0) onEnd()
  }
  const first = new StatementJourney(engine, scope, request, ended)
  const afterMs = first.reads ? hedging.begin() : undefined
  if (!first.reads || first.attempts.length < 2) return walk(first)
  const startedAt = performance.now()
  const noted = <T>(result: T): T => {
    hedging.note(performance.now() - startedAt)
    return result
  }
  if (afterMs === undefined) return walk(first).then(noted)
  return hedge(hedging, afterMs, first.asLeg(), () => {
    open++
    return new StatementJourney(engine, scope, request, ended).without(first.attempts[0]?.server).asLeg()
  }).then(noted)
}

/** One object for each query, not a closure for each of its turns: it shows in the time of a short read. */
class StatementJourney implements Journey<StatementResult, StatementResult> {
  readonly text: string
  readonly reads: boolean
  readonly readOnly: boolean
  readonly harmless = false
  signal: AbortSignal | undefined
  attempts: readonly Attempt[]
  readonly #engine: Engine
  readonly #scope: Scope
  readonly #request: Request

  readonly #guard: Guard | undefined
  readonly #takesRider: boolean
  readonly #onEnd: () => void
  readonly #start: number
  #abandoned = false

  constructor(engine: Engine, scope: Scope, request: Request, onEnd: () => void) {
    this.#start = clock(engine)
    const { need, reads, attempts } = planStatement(engine, scope, request)
    this.text = request.config.text
    this.reads = reads
    this.readOnly = scope.readOnly
    this.signal = request.signal
    this.#guard = guardFor(engine, scope, request, reads)
    this.attempts = this.#ordered(attempts)
    this.#takesRider = takesRider(request, need)
    engine.budget.deposit()
    this.#engine = engine
    this.#scope = scope
    this.#request = request
    this.#onEnd = onEnd
  }

  needsWriter(): boolean {
    return mayNeedWriter(this.#engine, this.#scope, this.reads)
  }

  /** A write that was planned for a server that is none any more goes to the primary that there is now. */
  replan(): readonly Attempt[] {
    return this.#ordered(planStatement(this.#engine, this.#scope, this.#request).attempts)
  }

  #ordered(attempts: readonly Attempt[]): readonly Attempt[] {
    return this.reads && this.#guard !== undefined ? this.#guard.order(attempts) : attempts
  }

  /** Not on this server, where it is under way. */
  without(server: string | undefined): this {
    this.attempts = this.attempts.filter((attempt) => attempt.server !== server).map(asHedged)
    return this
  }

  asLeg(): Leg {
    const abandoning = new AbortController()
    const { signal } = this
    this.signal = signal === undefined ? abandoning.signal : AbortSignal.any([signal, abandoning.signal])
    return {
      run: () => walk(this),
      abandon: () => {
        this.#abandoned = true
        abandoning.abort()
      },
    }
  }

  primaries(): readonly Attempt[] {
    return planInstead(this.#engine.topology)
  }

  borrow(server: string): Promise<Lease> {
    if (this.signal === undefined) return this.#engine.borrow(server)
    return abandonable(() => this.#engine.borrow(server), this.signal)
  }

  giveBack(lease: Lease, error?: unknown): void {
    lease.release(isFatal(lease, error))
  }

  run(lease: Lease, attempt: Attempt): Promise<StatementResult> {
    const readOnly = this.readOnly ? (this.reads ? 'read' : 'statement') : 'none'
    const guard = this.#guard
    if (guard === undefined) return runStatement(lease, this.#request.config, readOnly, this.signal)
    const send = (rider?: Rider): Promise<StatementResult> =>
      runStatement(lease, this.#request.config, readOnly, this.signal, rider)
    return guard.run(lease, attempt.unproven === true ? 'trust' : 'prove', send, this.#takesRider)
  }

  catchesUp(behind: BehindError): Promise<boolean> {
    return this.#guard === undefined ? Promise.resolve(false) : this.#guard.catchesUp(behind)
  }

  learn(): void {
    this.#engine.statements.learnWrite(this.text)
  }

  arrived(result: StatementResult, arrival: Arrival): StatementResult {
    const { server, role, reason, attempts } = arrival
    const servedBy = { server, region: this.#engine.regionOf(server), role, reason, attempts }
    this.#onEnd()
    if (this.#abandoned) return result
    return served(this.#engine, this.text, this.#start, result, servedBy)
  }

  failed(error: unknown): unknown {
    this.#onEnd()
    if (this.#abandoned) return error
    return failed(this.#engine, this.text, this.#start, error)
  }

  onTrouble(server: string, error: unknown, phase: 'connect' | 'query' | 'role'): void {
    this.#engine.report(server, error, phase)
  }

  mayRetry(): boolean {
    return this.#engine.budget.withdraw()
  }

  findWriter(since: number, waitedMs: number): Promise<boolean> {
    return this.#engine.findWriter(since, waitedMs, this.signal)
  }

  candidates(): readonly Candidate[] {
    return candidatesOf(this.#engine.topology)
  }
}

function asHedged({ server, unproven }: Attempt): Attempt {
  return unproven === undefined ? { server, reason: 'hedged' } : { server, reason: 'hedged', unproven }
}
