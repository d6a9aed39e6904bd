import type pg from 'pg'
import type { Lease } from '../monitor/server-connections.ts'
import { abandonable } from './abandonable.ts'
import type { Engine, Scope } from './engine.ts'
import type { BehindError } from './behind-error.ts'
import { isFatal } from './fatal.ts'
import type { Guard } from './guard.ts'
import { guardFor } from './guard-for.ts'
import type { Arrival, Journey } from './journey.ts'
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
  return walk(new StatementJourney(engine, scope, request, onEnd))
}

/** One object for each query, not a closure for each of its turns: it shows in the time of a short read. */
class StatementJourney implements Journey<StatementResult, StatementResult> {
  readonly text: string
  readonly reads: boolean
  readonly readOnly: boolean
  readonly harmless = false
  readonly signal: AbortSignal | undefined
  readonly attempts: readonly Attempt[]
  readonly #engine: Engine
  readonly #config: pg.QueryConfig

  readonly #guard: Guard | undefined
  readonly #takesRider: boolean
  readonly #onEnd: () => void
  readonly #start: number

  constructor(engine: Engine, scope: Scope, request: Request, onEnd: () => void) {
    this.#start = clock(engine)
    const { need, reads, attempts } = planStatement(engine, scope, request)
    this.text = request.config.text
    this.reads = reads
    this.readOnly = scope.readOnly
    this.signal = request.signal
    this.#guard = guardFor(engine, scope, request, reads)
    this.attempts = reads && this.#guard !== undefined ? this.#guard.order(attempts) : attempts
    this.#takesRider = takesRider(request, need)
    this.#engine = engine
    this.#config = request.config
    this.#onEnd = onEnd
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
    if (guard === undefined) return runStatement(lease, this.#config, readOnly, this.signal)
    const send = (rider?: Rider): Promise<StatementResult> =>
      runStatement(lease, this.#config, readOnly, this.signal, rider)
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
    return served(this.#engine, this.text, this.#start, result, servedBy)
  }

  failed(error: unknown): unknown {
    this.#onEnd()
    return failed(this.#engine, this.text, this.#start, error)
  }

  onTrouble(server: string, error: unknown, phase: 'connect' | 'query'): void {
    this.#engine.report(server, error, phase)
  }
}
