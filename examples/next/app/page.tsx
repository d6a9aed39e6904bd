import { currentRegion } from 'pg-nearest/fly'
import { listNotes } from '../lib/notes.ts'
import { saveNote } from './actions.ts'

/** A server component: it reads in the client's session. */
export default async function Page() {
  const { notes, readFrom } = await listNotes()
  return (
    <main>
      <h1>Notes</h1>
      <form action={saveNote}>
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
