import { headers } from 'next/headers'
import { currentRegion } from 'pg-nearest/fly'
import { sessionFor } from 'pg-nearest/http'
import { listNotes } from '../lib/notes.ts'
import { pool } from '../lib/pool.ts'

/** A server component: it reads in the client's session, whose cookie the routes set. */
export default async function Page() {
  // Asked first: then Next.js knows, at build time, that this page is made for each request.
  const request = { headers: await headers() }
  const session = sessionFor(pool(), request)
  const { notes, readFrom } = await session.run(listNotes)
  return (
    <main>
      <h1>Notes</h1>
      <form method="post" action="/api/notes">
        <label htmlFor="text">New note </label>
        <input id="text" name="text" required maxLength={500} autoComplete="off" /> <button type="submit">Save</button>
      </form>
      <ul>
        {notes.map(({ id, text, written_in }) => (
          <li key={id}>
            {text} <small>({written_in})</small>
          </li>
        ))}
      </ul>
      <p id="served">
        served by {currentRegion() ?? 'local'}, read from {readFrom ?? 'local'}
      </p>
    </main>
  )
}
