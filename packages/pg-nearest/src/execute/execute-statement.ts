import type pg from 'pg'
import type { Lease } from '../monitor/server-connections.ts'
import { abandonable } from './abandonable.ts'
import type { Engine, Scope } from './engine.ts'
import { isFatal } from './fatal.ts'
import type { Journey } from './journey.ts'
import { planPrimary, type Attempt } from './plan.ts'
import { planStatement } from './plan-statement.ts'
import type { Request } from './request.ts'
import { runStatement, type StatementResult } from './run-statement.ts'
import { clock, failed, served } from './served.ts'
import { walk } from './walk.ts'

/** Runs one statement on a connection of its own: what `pool.query` does. `onEnd` is called once it is over. */
export async function executeStatement(
  engine: Engine,
  scope: Scope,
  request: Request,
  onEnd: () => void,
): Promise<StatementResult> {
  const { text } = request.config
  const start = clock(engine)
  try {
    request.signal?.throwIfAborted()
    const { value, servedBy } = await walk(new StatementJourney(engine, scope, request))
    return served(engine, text, start, value, { ...servedBy, region: engine.regionOf(servedBy.server) })
  } catch (error) {
    throw failed(engine, text, start, error)
  } finally {
    onEnd()
  }
}

/** One object for each query, not a closure for each of its turns: it shows in the time of a short read. */
class StatementJourney implements Journey<StatementResult> {
  readonly text: string
  readonly reads: boolean
  readonly readOnly: boolean
  readonly harmless = false
  readonly signal: AbortSignal | undefined
  readonly attempts: readonly Attempt[]
  readonly #engine: Engine
  readonly #config: pg.QueryConfig

  constructor(engine: Engine, scope: Scope, request: Request) {
    const { reads, attempts } = planStatement(engine, scope, request)
    this.text = request.config.text
    this.reads = reads
    this.readOnly = scope.readOnly
    this.signal = request.signal
    this.attempts = attempts
    this.#engine = engine
    this.#config = request.config
  }

  primaries(): readonly Attempt[] {
    return planPrimary(this.#engine.topology, 'retry')
  }

  borrow(server: string): Promise<Lease> {
    const borrowing = this.#engine.borrow(server)
    return this.signal === undefined ? borrowing : abandonable(borrowing, this.signal)
  }

  giveBack(lease: Lease, error?: unknown): void {
    lease.release(isFatal(lease, error))
  }

  run(lease: Lease): Promise<StatementResult> {
    return runStatement(lease, this.#config, this.readOnly ? 'statement' : 'none', this.signal)
  }

  learn(): void {
    this.#engine.statements.learnWrite(this.text)
  }

  onTrouble(server: string, error: unknown, phase: 'connect' | 'query'): void {
    this.#engine.report(server, error, phase)
  }
}
