import type { Request } from '../route/request.ts'
import type { StatementNeed } from '../statement/statement-class.ts'
import { isSingle, readsFromClient } from '../statement/text-predicates.ts'

/** What pg's own types leave out. */
interface Config {
  readonly rows?: number
  readonly query_timeout?: number
}

/**
 * Whether a statement of a transaction may be sent before those ahead of it are answered. One with a limit of its own may have to
 * be cancelled, which would hit whatever runs then; one with a name must be known to be prepared; a COPY takes for its rows
 * whatever comes behind it.
 */
export function mayBePipelined({ config, signal, timeoutMs }: Request, { transaction }: StatementNeed): boolean {
  const { rows, query_timeout: queryTimeout } = config as Config
  return (
    typeof config.text === 'string' &&
    !readsFromClient(config.text) &&
    config.name === undefined &&
    signal === undefined &&
    timeoutMs === undefined &&
    rows === undefined &&
    queryTimeout === undefined &&
    (config.values === undefined || Array.isArray(config.values)) &&
    (transaction === undefined || transaction.kind === 'commit' || transaction.kind === 'rollback')
  )
}

/** Whether it may be sent in one group with the BEGIN ahead of it: one statement, and not a comment alone, which never fails. */
export function mayJoinBegin(request: Request, need: StatementNeed): boolean {
  const { text } = request.config
  return mayBePipelined(request, need) && isSingle(text) && /^\s*[a-z(]/i.test(text)
}
