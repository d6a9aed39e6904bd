import type { World } from '../world-types.ts'
import type { Random } from './random.ts'

/** Something that goes wrong in a world for a while. */
export interface Fault {
  readonly name: string
  /** Chooses where: a replica, and what that fault must not share with another at the same time. */
  aim(world: World, random: Random): Aim
}

/** A fault that came and went. */
export interface Inflicted {
  readonly name: string
  /** Such as `kill ord`. */
  readonly what: string
  /** As a history's times are: of `performance.now()`. */
  readonly from: number
  readonly to: number
}

export interface Aim {
  /** Such as `kill ord`. */
  readonly what: string
  readonly touches: readonly string[]
  inflict(): void | Promise<void>
  heal(): void | Promise<void>
}

const pause: Fault = {
  name: 'pause',
  aim(world, random) {
    const replica = anyReplica(world, random)
    return {
      what: `pause the replay of ${replica}`,
      touches: [replica],
      inflict: () => world.pauseReplay(replica),
      heal: () => world.resumeReplay(replica),
    }
  },
}

const kill: Fault = {
  name: 'kill',
  aim(world, random) {
    const replica = anyReplica(world, random)
    return {
      what: `kill ${replica}`,
      // A replica that starts waits until it streams.
      touches: [replica, link(replica, world.primary)],
      inflict: () => world.kill(replica),
      heal: () => world.start(replica),
    }
  },
}

const slow: Fault = {
  name: 'slow',
  aim(world, random) {
    const [a, b] = anyLink(world, random)
    const usual = world.rtt(a, b)
    const ms = Math.round(usual * random.between(3, 10))
    return {
      what: `slow ${link(a, b)} to ${ms} ms`,
      touches: [link(a, b)],
      inflict: () => world.setRtt(a, b, ms),
      heal: () => world.setRtt(a, b, usual),
    }
  },
}

const partition: Fault = {
  name: 'partition',
  aim(world, random) {
    const [a, b] = anyLink(world, random)
    return {
      what: `partition ${link(a, b)}`,
      touches: [link(a, b)],
      inflict: () => world.partition(a, b),
      heal: () => world.heal(a, b),
    }
  },
}

export const FAULTS: readonly Fault[] = [pause, kill, slow, partition]

function anyReplica(world: World, random: Random): string {
  return random.pick(world.regions.filter((region) => region !== world.primary))
}

/** Half of the time one of the primary's, which replication and the writes cross. */
function anyLink(world: World, random: Random): [string, string] {
  const [a, b] = random.shuffle(world.regions)
  if (a === undefined || b === undefined) throw new RangeError('A world of one region has no link.')
  return random.chance(0.5) ? [world.primary, anyReplica(world, random)] : [a, b]
}

function link(a: string, b: string): string {
  return [a, b].toSorted().join('-')
}
