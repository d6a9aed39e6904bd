import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/node-postgres'
import { migrate } from 'drizzle-orm/node-postgres/migrator'
import type { NearestPool } from 'pg-nearest'

const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url))

/** Applies the migrations that the database does not have yet, on the primary. */
export const migrateDatabase = (pool: NearestPool): Promise<void> =>
  migrate(drizzle({ client: pool.primary }), { migrationsFolder })
