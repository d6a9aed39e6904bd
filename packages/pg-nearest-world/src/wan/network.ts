import { createServer, type Server } from 'node:net'
import { WorldError } from '../world-error.ts'
import { bandwidth } from './bandwidth.ts'
import { relayConnection } from './relay-connection.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'
import type { LinkConditions } from './link-conditions.ts'
import { createDirection, type Direction } from './link-direction.ts'
import { jitter } from './jitter.ts'
import { latency } from './latency.ts'
import { partition } from './partition.ts'

/** The links between regions: one from each region to each server in another. */
export interface Network {
  /**
   * Adds a region, with links from and to every other, at first without a distance. `port` is where its server listens, and
   * `undefined` while that is down: then connections are refused.
   */
  addRegion(region: string, port: () => number | undefined): Promise<void>
  /** The port on 127.0.0.1 over which `from` reaches the server in `to`. */
  port(from: string, to: string): number
  /** Milliseconds of round trip as configured now. */
  rtt(a: string, b: string): number
  setRtt(a: string, b: string, ms: number): void
  setJitter(a: string, b: string, ms: number): void
  /** `Infinity` for no limit. */
  setBandwidth(a: string, b: string, bytesPerSecond: number): void
  partition(a: string, b: string): void
  heal(a: string, b: string): void
  partitioned(a: string, b: string): boolean
  /** Ends every link and connection at once. Idempotent. */
  close(): Promise<void>
}

/** The link between two regions. */
interface Pair {
  readonly conditions: LinkConditions
  /** By the sending region. */
  readonly from: ReadonlyMap<string, Direction>
}

export function createNetwork(): Network {
  const scheduler = createScheduler()
  const ports = new Map<string, () => number | undefined>()
  const pairs = new Map<string, Pair>()
  const links = new Map<string, Server>()
  const endings = new Set<() => void>()

  const pairOf = (a: string, b: string): Pair => {
    const pair = pairs.get(pairName(a, b))
    if (pair === undefined) throw new WorldError('WORLD_UNKNOWN_REGION', `There is no link between ${a} and ${b}.`)
    return pair
  }

  const change = (a: string, b: string, conditions: Partial<LinkConditions>): void => {
    const pair = pairOf(a, b)
    const healed = pair.conditions.partitioned && conditions.partitioned === false
    Object.assign(pair.conditions, conditions)
    // What is queued for transmission is transmitted at the new rate.
    if (healed || conditions.bytesPerSecond !== undefined)
      for (const direction of pair.from.values()) direction.resume()
  }

  const addLink = async (from: string, to: string): Promise<void> => {
    const { from: directions } = pairOf(from, to)
    const [there, back] = [directions.get(from), directions.get(to)]
    if (there === undefined || back === undefined) throw new Error(`no way from ${from} to ${to}`)
    const link = createServer({ allowHalfOpen: true }, (client) => {
      const end = relayConnection(
        client,
        () => ports.get(to)?.(),
        { there, back },
        () => endings.delete(end),
      )
      endings.add(end)
    })
    await new Promise<void>((resolve, reject) => {
      link.once('error', reject)
      link.listen({ port: 0, host: '127.0.0.1' }, resolve)
    })
    links.set(linkName(from, to), link)
  }

  return {
    async addRegion(region, port) {
      const others = [...ports.keys()]
      ports.set(region, port)
      for (const other of others) pairs.set(pairName(region, other), createPair(region, other, scheduler))
      await Promise.all(others.flatMap((other) => [addLink(region, other), addLink(other, region)]))
    },
    port(from, to) {
      const address = links.get(linkName(from, to))?.address()
      if (typeof address === 'object' && address !== null) return address.port
      throw new WorldError('WORLD_UNKNOWN_REGION', `There is no link from ${from} to ${to}.`)
    },
    rtt: (a, b) => (a === b ? 0 : pairOf(a, b).conditions.rttMs),
    setRtt: (a, b, rttMs) => change(a, b, { rttMs }),
    setJitter: (a, b, jitterMs) => change(a, b, { jitterMs }),
    setBandwidth: (a, b, bytesPerSecond) => change(a, b, { bytesPerSecond }),
    partition: (a, b) => change(a, b, { partitioned: true }),
    heal: (a, b) => change(a, b, { partitioned: false }),
    partitioned: (a, b) => a !== b && pairOf(a, b).conditions.partitioned,
    async close() {
      scheduler.stop()
      for (const end of endings) end()
      const closing = [...links.values()].map((link) => new Promise<void>((resolve) => link.close(() => resolve())))
      links.clear()
      await Promise.all(closing)
    },
  }
}

function createPair(a: string, b: string, scheduler: Scheduler): Pair {
  const conditions: LinkConditions = {
    rttMs: 0,
    jitterMs: 0,
    bytesPerSecond: Number.POSITIVE_INFINITY,
    partitioned: false,
  }
  // The order matters: packets queue for bandwidth, then travel, and a partition overrides everything.
  const direction = (): Direction => {
    const impairments = [
      bandwidth(conditions),
      latency(conditions),
      jitter(conditions, Math.random),
      partition(conditions),
    ]
    return createDirection(conditions, impairments, scheduler)
  }
  return {
    conditions,
    from: new Map([
      [a, direction()],
      [b, direction()],
    ]),
  }
}

function pairName(a: string, b: string): string {
  return [a, b].toSorted().join('-')
}

function linkName(from: string, to: string): string {
  return `${from}>${to}`
}
