import pg from 'pg'

/** Runs statements one after the other on a new connection, and returns the rows of the last one. */
export async function runSql<R extends pg.QueryResultRow>(url: string, ...texts: readonly string[]): Promise<R[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 60_000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    let rows: R[] = []
    for (const text of texts) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
      ;({ rows } = await client.query<R>(text))
    }
    return rows
  } finally {
    await client.end()
  }
}
