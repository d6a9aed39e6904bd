import type pg from 'pg'

/**
 * The same statement, to be prepared anew. Behind a migration every connection may have a plan under its name that does not fit any more,
 * and behind a pooler none. By its name alone it may be any statement, so that it stays what it is.
 */
export function withoutStatementName(config: pg.QueryConfig): pg.QueryConfig {
  const { name, ...unnamed } = config
  return name === undefined || typeof config.text !== 'string' ? config : unnamed
}
