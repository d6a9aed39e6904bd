import { addNote, isNote, listNotes } from '../../../lib/notes.ts'

export async function GET(): Promise<Response> {
  return Response.json(await listNotes())
}

export async function POST(request: Request): Promise<Response> {
  const text = await request.text()
  if (!isNote(text)) return Response.json({ error: 'A note has 1 to 500 characters.' }, { status: 422 })
  await addNote(text)
  return new Response(null, { status: 201 })
}
