import pg from 'pg'
import type { World } from 'pg-nearest-world'
import { Bench } from 'tinybench'
import type { RegionApp } from './apps.ts'
import { QUERY } from './from-one-region.ts'

/** What a read costs in one region, in milliseconds. */
export interface RegionReads {
  readonly region: string
  /** The region whose server answered the reads through pg-nearest, and its role. */
  readonly readFrom: string
  readonly role: string
  readonly median: number
  readonly p99: number
  /** A bare `pg.Pool` beside this region's server: as near as it gets. */
  readonly local: number
  /** A bare `pg.Pool` on the primary, from here: what every read costs without replicas. */
  readonly primary: number
}

/** Reads through pg-nearest from every region, and the same reads as near and as far as can be. */
export async function readFromEveryRegion(
  world: World,
  apps: readonly RegionApp[],
  seconds: number,
): Promise<RegionReads[]> {
  const reads: RegionReads[] = []
  for (const app of apps) reads.push(await readFrom(world, app, seconds))
  return reads
}

async function readFrom(world: World, { region, pool }: RegionApp, seconds: number): Promise<RegionReads> {
  const near = new pg.Pool({ connectionString: world.url(region), max: 1 })
  const far = new pg.Pool({ connectionString: world.url(world.primary, { from: region }), max: 1 })
  try {
    const { servedBy } = await pool.query(QUERY)
    const bench = new Bench({
      time: seconds * 1_000,
      iterations: 5,
      warmupTime: seconds * 250,
      warmupIterations: 1,
      throws: true,
    })
    bench.add('ours', async () => void (await pool.query(QUERY)))
    bench.add('near', async () => void (await near.query(QUERY)))
    bench.add('far', async () => void (await far.query(QUERY)))
    const [ours, local, primary] = (await bench.run()).map(({ result }) =>
      'latency' in result ? result.latency : undefined,
    )
    if (ours === undefined || local === undefined || primary === undefined)
      throw new Error(`${region} was not measured.`)
    return {
      region,
      readFrom: servedBy.region ?? servedBy.server,
      role: servedBy.role,
      median: ours.p50,
      p99: ours.p99,
      local: local.p50,
      primary: primary.p50,
    }
  } finally {
    await Promise.all([near.end(), far.end()])
  }
}
