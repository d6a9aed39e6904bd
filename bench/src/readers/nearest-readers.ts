import { createPool, type NearestPool, type NearestPoolOptions } from 'pg-nearest'
import { textReader, type Reader } from './reader.ts'

/** Ours; what its process has written is seen by all of it. */
export function nearestPool(name: string, options: NearestPoolOptions): Reader & { readonly pool: NearestPool } {
  const pool = createPool(options)
  return Object.assign(
    over(name, pool, pool, () => pool.end()),
    { pool },
  )
}

/** The same pool, in a session that has written nothing. */
export function inSession(name: string, pool: NearestPool): Reader {
  return over(name, pool, pool.session(undefined))
}

function over(
  name: string,
  pool: NearestPool,
  handle: Pick<NearestPool, 'query'>,
  end = (): Promise<void> => Promise.resolve(),
): Reader {
  const query: Reader['query'] = async (text, values) =>
    (await handle.query<Record<string, unknown>>(text, [...values])).rows
  return textReader(name, query, { connections: () => pool.totalCount, end })
}
