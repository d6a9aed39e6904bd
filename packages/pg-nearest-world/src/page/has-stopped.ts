import { WorldError } from '../world-error.ts'
import type { World } from '../world-types.ts'

/** A stopped world answers to nothing but with that. */
export function hasStopped(world: Pick<World, 'isUp' | 'primary'>): boolean {
  try {
    world.isUp(world.primary)
    return false
  } catch (error) {
    if (error instanceof WorldError && error.code === 'WORLD_STOPPED') return true
    throw error
  }
}
