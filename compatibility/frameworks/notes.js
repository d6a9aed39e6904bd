/** What each app does in a request. */
export async function readNote(pool, id) {
  const { rows, servedBy } = await pool.query('select text from notes where id = $1', [Number(id)])
  return { text: rows[0]?.text ?? null, server: servedBy.server }
}

export async function writeNote(pool, { id, text }) {
  await pool.query('insert into notes (id, text) values ($1, $2)', [id, text])
}
