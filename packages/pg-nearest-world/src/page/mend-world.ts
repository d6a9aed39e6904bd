import type { World } from '../world-types.ts'

/** Starts what is down, the primary first, lets every replica replay, and heals what is cut. What is only slow stays so. */
export async function mendWorld(world: World): Promise<void> {
  const { primary, regions } = world
  for (const [i, a] of regions.entries()) {
    for (const b of regions.slice(i + 1)) if (world.isPartitioned(a, b)) world.heal(a, b)
  }
  if (!world.isUp(primary)) await world.start(primary)
  await Promise.all(regions.filter((region) => !world.isUp(region)).map((region) => world.start(region)))
  const paused = (await world.status()).filter(({ replayPaused }) => replayPaused)
  await Promise.all(paused.map(({ region }) => world.resumeReplay(region)))
}
