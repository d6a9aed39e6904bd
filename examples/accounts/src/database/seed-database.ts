import type { NearestPool } from 'pg-nearest'
import { sampleUsers } from './sample-users.ts'

export interface SeedOptions {
  /** How many sample users there shall be. Default 100. */
  readonly count?: number
  readonly onProgress?: (done: number, count: number) => void
}

const batchSize = 500

/** Adds the sample users that are not there yet, and returns how many it added. A second run adds nobody. */
export const seedDatabase = async (
  pool: NearestPool,
  { count = 100, onProgress = () => {} }: SeedOptions = {},
): Promise<number> => {
  const samples = sampleUsers(count)
  let added = 0
  for (let start = 0; start < samples.length; start += batchSize) {
    const batch = samples.slice(start, start + batchSize)
    // One after the other, so that ids follow the list and a progress bar has something to show.
    // oxlint-disable-next-line no-await-in-loop
    const { rowCount } = await pool.query(addMissing, [batch.map(({ name }) => name), batch.map(({ age }) => age)])
    added += rowCount ?? 0
    onProgress(start + batch.length, count)
  }
  return added
}

const addMissing = `
  insert into users (name, age)
  select sample.name, sample.age
  from unnest($1::text[], $2::integer[]) with ordinality as sample (name, age, position)
  where not exists (select from users where users.name = sample.name)
  order by sample.position`
