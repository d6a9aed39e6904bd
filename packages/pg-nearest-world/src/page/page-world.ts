import pg from 'pg'
import type { Consistency } from 'pg-nearest'
import { Diary } from '../chaos/diary.ts'
import { REGISTERS, type App, type Turns } from '../chaos/load.ts'
import { createDeeds, type Promotion } from '../chaos/promotion.ts'
import { createRegisters } from '../chaos/registers.ts'
import { APP_ROLE } from '../cluster/data-directory.ts'
import type { World } from '../world-types.ts'
import { NOTES } from './cross.ts'
import { startPageApp, type PageApp } from './page-app.ts'

/** A world, the apps at work in its regions, and all that they do written down. */
export interface PageWorld {
  readonly world: World
  readonly diary: Diary
  /** In the order of their coming. None while they rest: then they have no connections either. */
  readonly apps: readonly PageApp[]
  /** In their order; whoever promotes adds to it. */
  readonly promotions: Promotion[]
  /** The primary when the page began, to which the plain pools lead. */
  readonly firstPrimary: string
  /** Whether reads show what their session has written and seen. */
  sessions: boolean
  appIn(region: string): PageApp | undefined
  /** An app in each region begins to read and write. */
  work(): void
  /** One more region has an app, too, unless they rest or it has one. */
  addApp(region: string): void
  /** All end. Resolves when what was begun has ended. */
  rest(): Promise<void>
}

export async function createPageWorld(world: World, turns: Turns): Promise<PageWorld> {
  const firstPrimary = world.primary
  await prepare(world)
  const diary = new Diary()
  const apps: PageApp[] = []
  const roaming: App[] = []
  let started = 0
  let atWork = false
  const page: PageWorld = {
    world,
    diary,
    apps,
    promotions: [],
    firstPrimary,
    sessions: true,
    appIn: (region) => apps.find((app) => app.region === region),
    work() {
      atWork = true
      for (const region of world.regions) page.addApp(region)
    },
    addApp(region) {
      if (!atWork || page.appIn(region) !== undefined) return
      for (const { region: own, pool } of apps) pool.setServers(serversFor(world, own))
      const seed = started++
      const prefix = `${region} ${seed} `
      apps.push(
        startPageApp({ world, region, plainTo: firstPrimary, diary, roaming, consistency, seed, prefix, turns }),
      )
    },
    async rest() {
      atWork = false
      roaming.length = 0
      await Promise.all(apps.splice(0).map((app) => app.stop()))
    },
  }
  const consistency = (): Consistency | undefined => (page.sessions ? undefined : 'eventual')
  return page
}

function serversFor(world: World, region: string): Parameters<PageApp['pool']['setServers']>[0] {
  const { primary, replicas } = world.poolOptions(region)
  return { primary, replicas }
}

async function prepare(world: World): Promise<void> {
  await createDeeds(world)
  await run(world.url(world.primary), NOTES)
  // As pg-nearest advises: without it a standby that follows another primary tells of that only at its next checkpoint, and is not read till then.
  await run(world.url(world.primary, { as: 'superuser' }), `grant pg_monitor to ${APP_ROLE}`)
  // It waits until every replica has what was made before.
  await createRegisters(world, REGISTERS)
}

async function run(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
