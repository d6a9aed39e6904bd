import type { NearestPool } from 'pg-nearest'
import { currentRegion } from 'pg-nearest/fly'
import { startDevelopmentWorld } from './database/development-world.ts'
import { migrateDatabase } from './database/migrate-database.ts'
import { openPool } from './database/pool.ts'
import { seedDatabase } from './database/seed-database.ts'
import { startServer } from './server.ts'

interface Database {
  readonly pool: NearestPool
  readonly close: () => Promise<void>
}

/** The database of the environment, or one of our own when it names none. */
const openDatabase = async (): Promise<Database> => {
  if (process.env.DATABASE_URL) {
    const pool = openPool()
    return { pool, close: () => pool.end() }
  }
  console.log('DATABASE_URL is not set: starting a PostgreSQL for development …')
  const world = await startDevelopmentWorld()
  const pool = openPool({ DATABASE_URL: world.url(world.primary) })
  await migrateDatabase(pool)
  await seedDatabase(pool)
  return {
    pool,
    close: async () => {
      await pool.end()
      await world.stop()
    },
  }
}

const { pool, close } = await openDatabase()
pool.on('problem', ({ message }) => console.warn(message))

const server = await startServer({
  pool,
  region: currentRegion(),
  port: Number(process.env.PORT ?? 4000),
  hostname: process.env.HOST,
})
console.log(`Accounts is ready at ${server.url}`)

const stop = async (): Promise<void> => {
  await server.close()
  await close()
}
process.once('SIGTERM', () => void stop())
process.once('SIGINT', () => void stop())
