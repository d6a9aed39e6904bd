import type { Need } from '../statement/need.ts'
import { isSingle } from './deferred-begin.ts'
import type { Request } from './request.ts'

/** What pg's own types leave out. */
interface Config {
  readonly rows?: number
  readonly query_timeout?: number
}

/**
 * Whether a statement of a transaction may be sent before those ahead of it are answered. One with a signal may have to be
 * cancelled, which would hit whatever runs then; one with a name must be known to be prepared; a COPY takes for its rows
 * whatever comes behind it.
 */
export function mayTravel({ config, signal }: Request, { transaction }: Need): boolean {
  const { rows, query_timeout: timeout } = config as Config
  return (
    typeof config.text === 'string' &&
    !readsFromClient(config.text) &&
    config.name === undefined &&
    signal === undefined &&
    rows === undefined &&
    timeout === undefined &&
    (config.values === undefined || Array.isArray(config.values)) &&
    (transaction === undefined || transaction.kind === 'commit' || transaction.kind === 'rollback')
  )
}

/** Whether it may be sent in one group with the BEGIN ahead of it. */
export function mayJoin(request: Request, need: Need): boolean {
  return mayTravel(request, need) && isSingle(request.config.text)
}

/**
 * Whether a question after the position may be sent behind it: not between a BEGIN and the SET TRANSACTION that may follow,
 * which must come before any query, and not where the server would take it for the rows of a COPY.
 */
export function takesRider({ config }: Request, { class: kind, transaction }: Need): boolean {
  if (kind === 'read') return true
  if (transaction !== undefined && (transaction.kind === 'begin' || /^\s*set\s/i.test(config.text))) return false
  return !readsFromClient(config.text)
}

/** COPY … FROM STDIN, which `query` cannot feed. */
function readsFromClient(text: string): boolean {
  return /\bcopy\b/i.test(text) && /\bstdin\b/i.test(text)
}
