import postgres from 'postgres'
import { textReader, type Reader } from './reader.ts'

const DEFAULT_MAX = 10

/** Prepares by itself, and sends up to `max_pipeline` statements on a connection before it waits. */
export function postgresJs(url: string, tuned?: { readonly max: number; readonly max_pipeline: number }): Reader {
  const { max = DEFAULT_MAX } = tuned ?? {}
  const sql = postgres(url, { ...tuned, onnotice: () => undefined })
  const name = tuned === undefined ? 'postgres.js' : `postgres.js, max ${max}, max_pipeline ${tuned.max_pipeline}`
  return textReader(name, async (text, values) => sql.unsafe(text, values as never[], { prepare: true }), {
    connections: () => max,
    end: () => sql.end(),
  })
}
