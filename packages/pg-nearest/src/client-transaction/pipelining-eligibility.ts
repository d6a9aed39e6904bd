import type { Request } from '../route/request.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import { factsOf } from '../statement/text-facts.ts'

/** Options that pg's types leave out. */
interface Config {
  readonly rows?: number
  readonly query_timeout?: number
}

/**
 * Whether a statement of a transaction may be sent before those ahead of it are answered. Not if it has its own limit, because
 * cancelling it could hit another statement; nor a named one, which must be known to be prepared; nor a COPY, which would take what
 * follows it for its rows; nor what may set the transaction's mode, which is set back ahead of the next one.
 */
export function mayBePipelined({ config, signal, timeoutMs }: Request, { transaction }: StatementNeed): boolean {
  const { rows, query_timeout: queryTimeout } = config as Config
  return (
    typeof config.text === 'string' &&
    !factsOf(config.text).is('readsFromClient') &&
    !factsOf(config.text).is('namesTransactionMode') &&
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
  if (!mayBePipelined(request, need)) return false
  const facts = factsOf(request.config.text)
  return facts.is('single') && facts.is('beginsWithWord')
}

/** What is set for all statements of a pool, and may make any of them fail here. */
interface Usual {
  readonly queryTimeoutMs: number | undefined
  readonly ownTypes: boolean
}

/** Whether COMMIT may be sent behind it before it is answered: only if nothing but the server can make it fail. */
export function mayPrecedeCommit(request: Request, { queryTimeoutMs, ownTypes }: Usual): boolean {
  if (queryTimeoutMs !== undefined || ownTypes) return false
  const { text, types } = request.config
  // The caller's own parser may throw where the server has done it.
  if (typeof text !== 'string' || types !== undefined) return false
  const { need } = factsOf(text)
  return need.transaction === undefined && mayBePipelined(request, need)
}
