import { startWorld } from 'pg-nearest-world'
import type { Places } from './world-elsewhere.ts'

// A world in a process of its own. It ends with the one that has started it.
const world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
const places: Places = {
  urls: Object.fromEntries(world.regions.map((region) => [region, world.url(region)])),
  options: world.poolOptions('ord'),
}
process.once('disconnect', () => void world.stop())
process.send?.(places)
