import { createPool, type NearestPool } from 'pg-nearest'
import type { World } from 'pg-nearest-world'
import { migrateDatabase } from '../database/migrate-database.ts'
import { seedDatabase } from '../database/seed-database.ts'
import { startServer, type RunningServer, type ServerOptions } from '../server.ts'
import { browsingRegions } from './front-door.ts'

/** The app as it runs in one region. */
export interface RegionApp {
  readonly region: string
  readonly pool: NearestPool
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

const FIRST_PORT = 4001
const USERS = 100

/** An app in every region of the world, with the same users in all of their databases. */
export async function startApps(world: World, worldPage?: () => string | undefined): Promise<RegionApp[]> {
  const apps = await Promise.all(world.regions.map((region, i) => startApp(world, region, FIRST_PORT + i, worldPage)))
  const [home] = apps
  if (home === undefined) throw new Error('There is no region.')
  await migrateDatabase(home.pool)
  await seedDatabase(home.pool, { count: USERS })
  const replicas = apps.filter(({ region }) => region !== world.primary)
  await Promise.all(replicas.map(({ pool, region }) => arrived(pool, region)))
  return apps
}

async function startApp(
  world: World,
  region: string,
  port: number,
  worldPage: (() => string | undefined) | undefined,
): Promise<RegionApp> {
  const pool = createPool({ ...world.poolOptions(region), application_name: `accounts ${region}` })
  const server = await listen({ pool, region, port, browseFrom: browsingRegions(world), worldPage })
  return {
    region,
    pool,
    url: server.url,
    port: server.port,
    async close() {
      await server.close()
      await pool.end()
    },
  }
}

/** On its usual port, or any other where that is taken. */
async function listen(options: ServerOptions): Promise<RunningServer> {
  // The edge looks for it at this address, which `localhost` is not everywhere.
  const here = { ...options, hostname: '127.0.0.1' }
  return startServer(here).catch(() => startServer({ ...here, port: 0 }))
}

/** Resolves when this region's replica shows all users. */
async function arrived(pool: NearestPool, region: string): Promise<void> {
  for (;;) {
    try {
      const { rows, servedBy } = await pool.replica(region).query('select count(*)::int as users from users')
      if (servedBy.region === region && rows[0]?.['users'] === USERS) return
    } catch {
      // The table is still on its way.
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
