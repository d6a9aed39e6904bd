import { chaosFaults } from '../chaos/chaos-faults.ts'
import { settled } from '../chaos/settled.ts'
import { startStorm, stepsOf, type Storm } from '../chaos/storm.ts'
import type { PageWorld } from './page-world.ts'

export const CHAOS_MS = 60_000

/** Everything that `npm run chaos` does to its world, until `signal` is aborted; then all is healed. */
export function startChaos({ world, apps, promotions, diary }: PageWorld, seed: number, signal: AbortSignal): Storm {
  const regions = apps.map(({ region }) => region)
  return startStorm(world, {
    seed,
    steps: stepsOf(seed),
    faults: chaosFaults(regions, promotions),
    settled: (end) => settled(diary, regions, end),
    signal,
  })
}
