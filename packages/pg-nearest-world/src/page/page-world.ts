import pg from 'pg'
import type { Consistency } from 'pg-nearest'
import { Diary } from '../chaos/diary.ts'
import { REGISTERS, type App } from '../chaos/load.ts'
import { createDeeds, type Promotion } from '../chaos/promotion.ts'
import { createRegisters } from '../chaos/registers.ts'
import type { World } from '../world-types.ts'
import { NOTES } from './cross.ts'
import { createPageApp, type PageApp } from './page-app.ts'

/** A world with an app at work in each region, and all that they do written down. */
export interface PageWorld {
  readonly world: World
  readonly diary: Diary
  /** In the order of their coming. */
  readonly apps: readonly PageApp[]
  /** In their order; whoever promotes adds to it. */
  readonly promotions: Promotion[]
  /** The primary when the page began, to which the plain pools lead. */
  readonly firstPrimary: string
  /** Whether reads show what their session has written and seen. */
  sessions: boolean
  appIn(region: string): PageApp | undefined
  addApp(region: string): PageApp
  /** All apps read and write from now on, those that come later included. */
  work(): void
  /** None does; resolves when what was begun has ended. */
  rest(): Promise<void>
  stop(): Promise<void>
}

export async function startPageWorld(world: World): Promise<PageWorld> {
  const firstPrimary = world.primary
  await createTables(world)
  const diary = new Diary()
  const apps: PageApp[] = []
  const roaming: App[] = []
  let working = false
  const page: PageWorld = {
    world,
    diary,
    apps,
    promotions: [],
    firstPrimary,
    sessions: true,
    appIn: (region) => apps.find((app) => app.region === region),
    addApp(region) {
      for (const { region: own, pool } of apps) pool.setServers(serversFor(world, own))
      const app = createPageApp({
        world,
        region,
        plainTo: firstPrimary,
        diary,
        roaming,
        consistency,
        seed: apps.length,
      })
      apps.push(app)
      if (working) app.work()
      return app
    },
    work() {
      working = true
      for (const app of apps) app.work()
    },
    async rest() {
      working = false
      await Promise.all(apps.map((app) => app.rest()))
    },
    async stop() {
      await Promise.all(apps.map((app) => app.stop()))
    },
  }
  const consistency = (): Consistency | undefined => (page.sessions ? undefined : 'eventual')
  for (const region of world.regions) page.addApp(region)
  return page
}

function serversFor(world: World, region: string): Parameters<PageApp['pool']['setServers']>[0] {
  const { primary, replicas } = world.poolOptions(region)
  return { primary, replicas }
}

async function createTables(world: World): Promise<void> {
  await createDeeds(world)
  const client = new pg.Client({ connectionString: world.url(world.primary) })
  await client.connect()
  try {
    await client.query(NOTES)
  } finally {
    await client.end()
  }
  // It waits until every replica has what was made before.
  await createRegisters(world, REGISTERS)
}
