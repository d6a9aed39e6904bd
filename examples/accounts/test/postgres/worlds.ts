import { createPool } from 'pg-nearest'
import type { NearestPool } from 'pg-nearest'
import { startWorld } from 'pg-nearest-world'
import type { World } from 'pg-nearest-world'
import { openPool } from '../../src/database/pool.ts'

/** The app in one region: its pool, and what it says of itself. */
export interface Setting {
  readonly region: string | undefined
  readonly pool: NearestPool
  /** Where the pages shall say that they read and write. */
  readonly reads: { readonly region: string; readonly role: string }
  readonly writes: { readonly region: string; readonly role: string }
}

/** One database and no region, as in development. */
export const plainSetting = (world: World): Setting => ({
  region: undefined,
  pool: openPool({ DATABASE_URL: world.url(world.primary) }),
  reads: { region: 'local', role: 'primary' },
  writes: { region: 'local', role: 'primary' },
})

/** The app in one region of many. */
export const regionSetting = (world: World, region: string): Setting => ({
  region,
  pool: createPool(world.poolOptions(region)),
  reads: { region, role: region === world.primary ? 'primary' : 'replica' },
  writes: { region: world.primary, role: 'primary' },
})

export const startPlain = (): Promise<World> => startWorld({ primary: 'nrt' })

export const startThreeRegions = (): Promise<World> =>
  startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: { 'nrt-ord': 60, 'nrt-syd': 40, 'ord-syd': 50 } })
