import { withinDeadline } from '../limits/within-deadline.ts'
import type { Request } from '../route/request.ts'
import type { StatementResult } from '../wire/exchange.ts'
import { ownSession, type Engine, type Scope } from './engine-interface.ts'
import { clock, reportFailure, reportResult } from '../events/report-outcome.ts'
import { translateReadOnlyError } from './translate-read-only-error.ts'
import { predictNormalRoute } from './predict-normal-route.ts'
import { PoolQueryExecution, type Served } from './pool-query-execution.ts'
import { walkInto } from '../walk/walk.ts'

/**
 * Runs one statement of `pool.query`. The scope is that of the mode of now.
 *
 * @param onEnd - called when it is over.
 * @param onBegin - called when it has begun.
 */
export async function executeStatement(
  engine: Engine,
  scope: Scope,
  request: Request,
  onEnd: () => void,
  onBegin?: (execution: PoolQueryExecution) => void,
): Promise<StatementResult> {
  const timeoutMs = request.timeoutMs ?? engine.timeoutMs
  const startedAt = clock(engine)
  const witness = engine.currentWitness()
  const observation = scope.instead && predictNormalRoute(engine, scope, request)
  let execution: PoolQueryExecution | undefined
  const run = (signal: AbortSignal | undefined): Promise<Served> => {
    execution = new PoolQueryExecution(engine, scope, request, signal)
    onBegin?.(execution)
    return runByWalk(execution)
  }
  // Events are emitted here, in the async context of the caller: what a connection calls back runs in another.
  try {
    const { result, servedBy } = await (timeoutMs === undefined
      ? run(request.signal)
      : withinDeadline({ signal: request.signal, timeoutMs }, run, {
          whose: request.timeoutMs === undefined ? 'pool' : 'call',
          waitingFor: () => execution?.waitingFor,
        }))
    observation?.ended()
    witness?.push(servedBy)
    return reportResult(engine, request.config.text, startedAt, result, servedBy, scope.mode)
  } catch (error) {
    const told = translateReadOnlyError(scope, ownSession(engine, scope), error)
    // And from here the error's stack trace leads to the caller.
    throw reportFailure(engine, request.config.text, startedAt, told, scope.mode)
  } finally {
    execution?.end()
    execution?.emitLosses()
    onEnd()
  }
}

/** Most reads that share a connection need not begin one: their first attempt succeeds. */
function runByWalk(execution: PoolQueryExecution): Promise<Served> {
  return new Promise((resolve, reject) => {
    const walk = (): void => walkInto(execution, resolve, reject)
    if (!execution.joinAtOnce(resolve, walk)) walk()
  })
}
