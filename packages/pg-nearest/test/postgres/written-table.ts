import type { QueryResult } from 'pg'
import type { World } from 'pg-nearest-world'
import type { NearestPool, Served } from '../../src/index.ts'
import { ask, until } from './fixtures.ts'

/** What is in this table in the end tells which writes have happened. */
export async function createWritten(world: World): Promise<void> {
  await ask(world.url(world.primary), 'create table written (id text)')
}

export function write(pool: NearestPool, id: string): Promise<Served<QueryResult>> {
  return pool.query('insert into written values ($1)', [id])
}

export async function writesAgain(pool: NearestPool): Promise<void> {
  await until(async () => (await write(pool, 'after').catch(() => undefined)) !== undefined, 'writes again')
}
