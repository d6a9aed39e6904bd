import pg from 'pg'

/** Runs statements one after the other on a new connection, and returns the rows of the last one. */
export async function runSql<R extends pg.QueryResultRow>(url: string, ...texts: readonly string[]): Promise<R[]> {
  const client = await connect(url)
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

/** Asks the same again and again, on one connection for as long as that lives. */
export interface Inquiry<R> extends AsyncDisposable {
  /** The first row. */
  ask(): Promise<R | undefined>
}

export function inquiry<R extends pg.QueryResultRow>(url: string, text: string): Inquiry<R> {
  let client: pg.Client | undefined
  const end = async (): Promise<void> => {
    const ending = client
    client = undefined
    await ending?.end()
  }
  return {
    async ask() {
      client ??= await connect(url)
      try {
        return (await client.query<R>(text)).rows[0]
      } catch (error) {
        await end()
        throw error
      }
    },
    [Symbol.asyncDispose]: end,
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 60_000 })
  client.on('error', () => undefined)
  await client.connect()
  return client
}
