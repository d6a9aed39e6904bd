import { migrateDatabase } from './migrate-database.ts'
import { openPool } from './pool.ts'

/**
 * The first half of the release command: brings the database to the newest migration, or fails the release. Migrations lock, which
 * a pooler in transaction mode does not keep apart: past one leads `DIRECT_DATABASE_URL`.
 */
const { DATABASE_URL, DIRECT_DATABASE_URL = DATABASE_URL } = process.env
const pool = openPool({ ...process.env, DATABASE_URL: DIRECT_DATABASE_URL })
try {
  await migrateDatabase(pool)
  console.log('The database is up to date.')
} finally {
  await pool.end()
}
