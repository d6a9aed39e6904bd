import { withinDeadline } from '../limits/deadline.ts'
import type { Request } from '../route/request.ts'
import type { StatementResult } from '../wire/exchange.ts'
import type { Engine, Scope } from './engine.ts'
import { clock, recordFailure } from './record-outcome.ts'
import { walk } from '../walk/walk.ts'
import { StatementExecution } from './statement-execution.ts'

/** Runs one statement of `pool.query`. `onEnd` is called when it is over. */
export async function executeStatement(
  engine: Engine,
  scope: Scope,
  request: Request,
  onEnd: () => void,
): Promise<StatementResult> {
  const timeoutMs = request.timeoutMs ?? engine.timeoutMs
  const startedAt = clock(engine)
  try {
    if (timeoutMs === undefined)
      return await walk(new StatementExecution(engine, scope, request, request.signal, startedAt))
    return await withinDeadline({ signal: request.signal, timeoutMs }, (signal) =>
      walk(new StatementExecution(engine, scope, request, signal, startedAt)),
    )
  } catch (error) {
    // Recorded here, because from here the error's stack trace leads to the caller.
    throw recordFailure(engine, request.config.text, startedAt, error)
  } finally {
    onEnd()
  }
}
