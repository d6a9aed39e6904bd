/** What the programs for pg itself, and for what sits right on it, share. */
export const pg = {
  name: 'pg',
  package: 'pg',
  give: (pool) => pool,
  operations: (pool) => ({
    async read(id) {
      const { rows } = await pool.query('select text from notes where id = $1', [id])
      return rows[0]?.text
    },
    write: (id, text) => pool.query('insert into notes (id, text) values ($1, $2)', [id, text]),
    rolledBack: (id, text) =>
      onClient(pool, async (client) => {
        await client.query('begin')
        await client.query('insert into notes (id, text) values ($1, $2)', [id, text])
        const { rows } = await client.query('select text from notes where id = $1', [id])
        await client.query('rollback')
        return rows[0]?.text
      }),
    lockedRead: (id, whileLocked) =>
      onClient(pool, async (client) => {
        await client.query('begin')
        const { rows } = await client.query('select text from notes where id = $1 for update', [id])
        await whileLocked()
        await client.query('commit')
        return rows[0]?.text
      }),
  }),
}

export async function onClient(pool, work) {
  const client = await pool.connect()
  try {
    return await work(client)
  } finally {
    client.release()
  }
}
