import { addNote, listNotes } from '../../../lib/notes.ts'
import { route } from '../../../lib/route.ts'

export const GET = route(async () => Response.json(await listNotes()))

/** A form's: its answer carries the session's cookie, and leads back to the page. */
export const POST = route(async (request) => {
  const text = (await request.formData()).get('text')
  if (typeof text !== 'string' || text.trim() === '' || text.length > 500) {
    return Response.json({ error: 'A note has 1 to 500 characters.' }, { status: 422 })
  }
  await addNote(text.trim())
  return new Response(null, { status: 303, headers: { location: '/' } })
})
