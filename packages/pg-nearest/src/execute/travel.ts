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

/** Whether it may be sent in one group with the BEGIN ahead of it: one statement, and not a comment alone, which never fails. */
export function mayJoin(request: Request, need: Need): boolean {
  const { text } = request.config
  return mayTravel(request, need) && isSingle(text) && /^\s*[a-z(]/i.test(text)
}

/**
 * Whether a question after the position may be sent behind it. Not while a transaction may still be told its isolation level,
 * which must come before any query; and not where the server would take it for the rows of a COPY.
 */
export function takesRider({ config: { text } }: Request, { transaction }: Need): boolean {
  if (typeof text !== 'string') return true
  if (transaction !== undefined && (transaction.kind === 'begin' || CHAIN.test(text))) return false
  return !(isSingle(text) && SEES_NOTHING.test(text)) && !readsFromClient(text)
}

/** These need no snapshot. */
const SEES_NOTHING =
  /^\s*(?:set|show|reset|savepoint|release|lock|listen|unlisten|discard|deallocate|close|prepare\s+(?!transaction\b)\S+)\s/i

/** COMMIT AND CHAIN: it commits, and nothing can be asked before the next transaction has taken its form. */
export function commitsUnseen({ config }: Request, { transaction }: Need): boolean {
  return transaction !== undefined && CHAIN.test(config.text)
}

const CHAIN = /\band\s+chain\b/i

/** COPY … FROM STDIN, which `query` cannot feed. */
function readsFromClient(text: string): boolean {
  return /\bcopy\b/i.test(text) && /\bstdin\b/i.test(text)
}
