'use server'

import { addNote, isNote } from '../lib/notes.ts'

/** A server action: the page that Next.js makes after it shows the note. */
export async function saveNote(form: FormData): Promise<void> {
  const text = form.get('text')
  if (isNote(text)) await addNote(text)
}
