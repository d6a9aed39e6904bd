import { abandonable } from './abandonable.ts'
import type { Engine, Scope } from './engine.ts'
import { isFatal } from './fatal.ts'
import { planPrimary } from './plan.ts'
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
  const { config, signal } = request
  const start = clock(engine)
  const readOnly = scope.readOnly ? 'statement' : 'none'
  try {
    signal?.throwIfAborted()
    const { reads, attempts } = planStatement(engine, scope, request)
    const { value, servedBy } = await walk({
      text: config.text,
      reads,
      readOnly: scope.readOnly,
      harmless: false,
      signal,
      attempts,
      primaries: () => planPrimary(engine.topology, 'retry'),
      borrow: (server) => (signal === undefined ? engine.borrow(server) : abandonable(engine.borrow(server), signal)),
      giveBack: (lease, error) => lease.release(isFatal(lease, error)),
      run: (lease) => runStatement(lease, config, { readOnly, signal }),
      learn: () => engine.statements.learnWrite(config.text),
      onTrouble: engine.report,
    })
    return served(engine, config.text, start, value, { ...servedBy, region: engine.regionOf(servedBy.server) })
  } catch (error) {
    throw failed(engine, config.text, start, error)
  } finally {
    onEnd()
  }
}
