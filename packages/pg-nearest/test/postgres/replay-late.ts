import type { World } from 'pg-nearest-world'
import { administer, until } from './fixtures.ts'

/** From now on these replicas show each commit so long after the primary made it. Only the superuser may set that. */
export async function replayLate(world: World, regions: readonly string[], ms: number): Promise<void> {
  await Promise.all(
    regions.map(async (region) => {
      await administer(world, region, `alter system set recovery_min_apply_delay = ${ms}`)
      await administer(world, region, 'select pg_reload_conf()')
      const inEffect = async (): Promise<boolean> => {
        const [row] = await administer<{ ms: number }>(
          world,
          region,
          "select setting::int as ms from pg_settings where name = 'recovery_min_apply_delay'",
        )
        return row?.ms === ms
      }
      await until(inEffect, `${region} to replay late`)
    }),
  )
}
