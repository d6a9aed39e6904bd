import { startEdge, type Edge, type World } from 'pg-nearest-world'
import type { BrowsingRegion } from '../web/browsing.ts'
import type { RegionApp } from './apps.ts'

const PORT = 4000
const CITIES: Readonly<Record<string, string>> = {
  nrt: 'Tokyo',
  ord: 'Chicago',
  syd: 'Sydney',
  atl: 'Atlanta',
  ams: 'Amsterdam',
}

/** One URL for the apps of all regions, as Fly's proxy gives them: on its usual port, or any other where that is taken. */
export async function startFrontDoor(world: World, apps: readonly RegionApp[]): Promise<Edge> {
  const edge = await startEdge(world, { app: 'accounts', port: PORT }).catch(() =>
    startEdge(world, { app: 'accounts' }),
  )
  for (const { region, port } of apps) edge.add({ id: `accounts-${region}`, region, port })
  return edge
}

/** Where people may say that they are. */
export function browsingRegions(world: World): readonly BrowsingRegion[] {
  return world.regions.map((region) => ({
    region,
    city: CITIES[region] ?? region,
    rttMs: world.rtt(region, world.primary),
  }))
}
