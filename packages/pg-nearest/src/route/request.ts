import type pg from 'pg'
import type { Consistency } from '../session/consistency.ts'

/** Options of `query` beside pg's own. */
export interface RouteOptions {
  /**
   * `primary`: run it on the primary, whatever its text says, and on a connection of its own (`lanes`). For functions whose effects no standby
   * would refuse, and for what calls them unseen: a view, a policy, an operator.
   */
  readonly route?: 'primary' | undefined
  /** What a read must show. Default: as its session, or its pool. No effect on writes, which run on the primary. */
  readonly consistency?: Consistency | undefined
  /** Aborting cancels the statement on the server, unless others share its connection (`lanes`), and rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /**
   * Milliseconds that the call may take in all, waiting and retries included. Then it is cancelled on the server and rejects with
   * `NEAREST_TIMEOUT`. Default: the pool's `timeoutMs`; on a borrowed client no limit.
   */
  readonly timeoutMs?: number | undefined
}

export interface Request extends RouteOptions {
  readonly config: pg.QueryConfig
}

export type QueryCallback = (error: Error | null | undefined, result?: unknown) => void

export interface Call {
  readonly request: Request
  readonly callback: QueryCallback | undefined
}

/** A query's own `query_timeout`, which pg's types leave out, and which may be a text, as for pg's timer. */
export function queryTimeoutOf(config: object): number | undefined {
  const { query_timeout: given } = config as { readonly query_timeout?: unknown }
  if (given === undefined) return undefined
  const timeoutMs = typeof given === 'string' ? Number(given) : given
  return typeof timeoutMs === 'number' && timeoutMs > 0 ? timeoutMs : undefined
}
