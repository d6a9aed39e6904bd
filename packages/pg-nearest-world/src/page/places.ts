import type { LinkFacts, PlaceFacts } from 'pg-nearest-page'
import { regionRtt } from '../geo/region-rtt.ts'
import { regions as geography } from '../geo/regions.ts'
import type { World } from '../world-types.ts'

/** Where a region is; one with a name of one's own is nowhere. */
export function placeOf(region: string): PlaceFacts {
  const known = geography.get(region)
  if (known === undefined) return { region, city: region, latitude: undefined, longitude: undefined }
  const { latitude, longitude } = known
  return { region, city: known.city.split(',', 1)[0] ?? region, latitude, longitude }
}

/** Fly's regions that are not in the world yet. */
export function candidatesOf({ regions }: Pick<World, 'regions'>): readonly PlaceFacts[] {
  return [...geography.values()]
    .filter(({ code, retired }) => !retired && !regions.includes(code))
    .map(({ code }) => placeOf(code))
}

/** Each pair once. */
export function linksOf(world: Pick<World, 'regions' | 'rtt' | 'isPartitioned'>): readonly LinkFacts[] {
  return world.regions.flatMap((a, i) =>
    world.regions.slice(i + 1).map((b) => ({
      a,
      b,
      rttMs: world.rtt(a, b),
      usualRttMs: usualRtt(a, b) ?? world.rtt(a, b),
      partitioned: world.isPartitioned(a, b),
    })),
  )
}

function usualRtt(a: string, b: string): number | undefined {
  return geography.has(a) && geography.has(b) ? regionRtt(a, b) : undefined
}
