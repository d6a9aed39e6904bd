import { createPool } from 'pg-nearest'

/** One process of an app, in which users keep notes. */
export function openNotes(options) {
  const pool = createPool(options)
  return {
    pool,
    /** Saves a note, and returns the bookmark that the user's next request brings along. */
    save: (text) =>
      pool.session(undefined, async () => {
        await pool.query('insert into notes (text) values ($1)', [text])
        return pool.bookmark()
      }),
    /** All notes, and surely those that were saved before the bookmark. */
    list: (bookmark) =>
      pool.session(bookmark, async () => {
        const { rows } = await pool.query('select text from notes order by text')
        return rows.map(({ text }) => text)
      }),
  }
}
