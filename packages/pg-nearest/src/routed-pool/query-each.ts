import type pg from 'pg'
import type { ServedBy } from '../events/served-by.ts'
import { RoutedPool, type PoolParts } from './routed-pool.ts'
import type { Row } from '../route/query-types.ts'

/** What one server said to `pool.queryEach()`. */
export interface EachResult<R extends Row = Row> {
  /** Its name, such as `ord` or `ord#2`. */
  readonly server: string
  readonly region: string | undefined
  /** As the server itself said; `unknown` if it did not answer. */
  readonly role: ServedBy['role']
  /** `undefined` if it failed. */
  readonly rows: R[] | undefined
  /** Why it failed. */
  readonly error?: unknown
}

/** One server that does not answer must not hold up what the others say. */
const TIMEOUT_MS = 5_000

/** @internal */
export function queryEach<R extends Row>(
  parts: PoolParts,
  query: string | pg.QueryConfig,
  values: unknown[],
): Promise<EachResult<R>[]> {
  const config: pg.QueryConfig & { readonly timeoutMs?: number | undefined } =
    typeof query === 'string' ? { text: query, values } : query
  const ofEach = { timeoutMs: config.timeoutMs ?? TIMEOUT_MS, consistency: 'eventual', route: undefined } as const
  const ask = async (server: string, region: string | undefined): Promise<EachResult<R>> => {
    const handle = new RoutedPool(parts, { target: { kind: 'server', server }, readOnly: true })
    try {
      const { rows, servedBy } = await handle.query<R>({ ...config, ...ofEach })
      return { server, region, role: servedBy.role, rows }
    } catch (error) {
      return { server, region, role: 'unknown', rows: undefined, error }
    }
  }
  return Promise.all(parts.servers.listed.map(({ name, region }) => ask(name, region)))
}
