import type { Crossing, Reading } from 'pg-nearest-page'
import type { App } from '../chaos/load.ts'

export const NOTES = 'create table notes (id int generated always as identity primary key, body text not null)'

/**
 * Writes in one region and reads in another at once: in a session that the bookmark takes along, and without one. What the two show
 * differs while the other region's replica is behind.
 */
export async function cross(from: App, to: App, text: string): Promise<Crossing> {
  const session = from.pool.session()
  const begun = performance.now()
  const { rows, servedBy } = await session.query<{ id: number }>('insert into notes (body) values ($1) returning id', [
    text,
  ])
  const writeMs = performance.now() - begun
  const bookmark = session.bookmark()
  const read = { text: 'select body from notes where id = $1', values: [rows[0]?.id] }
  const [withSession, without] = await Promise.all([
    timed(to.pool.session(bookmark).query(read)),
    timed(to.pool.query({ ...read, consistency: 'eventual' })),
  ])
  return { from: from.region, to: to.region, text, bookmark, writeMs, writtenBy: servedBy.server, withSession, without }
}

interface Answer {
  readonly rowCount: number | null
  readonly servedBy: { readonly server: string; readonly reason: string }
}

async function timed(asked: Promise<Answer>): Promise<Reading> {
  const begun = performance.now()
  const { rowCount, servedBy } = await asked
  return { found: rowCount === 1, server: servedBy.server, reason: servedBy.reason, ms: performance.now() - begun }
}
