import { abandonable } from './abandonable.ts'
import type { Engine, Scope } from './engine.ts'
import { isFatal } from './fatal.ts'
import { planPrimary } from './plan.ts'
import { planStatement } from './plan-statement.ts'
import type { Request } from './request.ts'
import { runStatement, type StatementResult } from './run-statement.ts'
import { observed } from './served.ts'
import { walk } from './walk.ts'

/** Runs one statement on a connection of its own: what `pool.query` does. */
export function executeStatement(engine: Engine, scope: Scope, request: Request): Promise<StatementResult> {
  const { config, signal } = request
  return observed(engine, config.text, async () => {
    signal?.throwIfAborted()
    const { reads, attempts } = planStatement(engine, scope, request)
    const readOnly = scope.readOnly ? 'statement' : 'none'
    const { value, servedBy } = await walk({
      text: config.text,
      reads,
      readOnly: scope.readOnly,
      signal,
      attempts,
      primaries: () => planPrimary(engine.topology, 'retry'),
      borrow: (server) => (signal === undefined ? engine.borrow(server) : abandonable(engine.borrow(server), signal)),
      giveBack: (lease, error) => lease.release(isFatal(lease, error)),
      run: (lease) => runStatement(lease, config, { readOnly, signal }),
      learn: () => engine.statements.learnWrite(config.text),
      onTrouble: engine.report,
    })
    return { result: value, servedBy: { ...servedBy, region: engine.regionOf(servedBy.server) } }
  })
}
