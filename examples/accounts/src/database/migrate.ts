import { migrateDatabase } from './migrate-database.ts'
import { openPool } from './pool.ts'

/** The release command: brings the database to the newest migration, or fails the release. */
const pool = openPool()
try {
  await migrateDatabase(pool)
  console.log('The database is up to date.')
} finally {
  await pool.end()
}
