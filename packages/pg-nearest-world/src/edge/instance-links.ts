import { Agent } from 'node:http'
import type { Link, World } from '../world-types.ts'
import type { Instance } from './choose-instances.ts'
import { createHealthCheck } from './instance-health.ts'

/** How the edge in each region reaches each instance, over the world's links. */
export interface InstanceLinks {
  readonly agent: Agent
  /** Milliseconds of round trip. */
  distance(from: string, to: string): number
  reachable(from: string, instance: Instance): Promise<boolean>
  /** The port on 127.0.0.1 that leads there. */
  port(from: string, instance: Instance): Promise<number>
  close(): Promise<void>
}

export function createInstanceLinks(world: Pick<World, 'rtt' | 'link' | 'isPartitioned'>): InstanceLinks {
  // Connections stay open, so that a request takes one round trip.
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity, scheduling: 'lifo', timeout: 60_000 })
  const isListening = createHealthCheck()
  const links = new Map<string, Promise<Link>>()
  return {
    agent,
    distance: (from, to) => world.rtt(from, to),
    reachable: async (from, { region, port }) => {
      if (from !== region && world.isPartitioned(from, region)) return false
      return isListening(port)
    },
    async port(from, { region, port }) {
      const name = `${from}>${region}:${port}`
      const link = links.get(name) ?? world.link({ from, to: region, port })
      links.set(name, link)
      return (await link).port
    },
    async close() {
      agent.destroy()
      const open = await Promise.allSettled(links.values())
      await Promise.all(open.map(async (link) => (link.status === 'fulfilled' ? link.value.close() : undefined)))
    },
  }
}
