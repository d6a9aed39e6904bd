import { currentRegion } from 'pg-nearest/fly'
import { pool } from './pool.ts'

export interface Note {
  readonly id: string
  readonly text: string
  readonly written_in: string
}

export interface Notes {
  readonly notes: readonly Note[]
  /** The region whose server was read. */
  readonly readFrom: string | undefined
}

/** The latest ones, from next door. */
export const listNotes = async (): Promise<Notes> => {
  const { rows, servedBy } = await pool.query<Note>('select id, text, written_in from notes order by id desc limit 20')
  return { notes: rows, readFrom: servedBy.region }
}

/** What a form or a request has sent. */
export const isNote = (text: unknown): text is string =>
  typeof text === 'string' && text.trim() !== '' && text.length <= 500

/** Writes on the primary. */
export const addNote = async (text: string): Promise<void> => {
  await pool.query('insert into notes (text, written_in) values ($1, $2)', [text.trim(), currentRegion() ?? 'local'])
}
