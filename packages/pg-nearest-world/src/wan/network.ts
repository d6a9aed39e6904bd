import { createServer, type Server } from 'node:net'
import { portInUse, WorldError } from '../world-error.ts'
import { bandwidth } from './bandwidth.ts'
import { relayConnection } from './relay-connection.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'
import type { LinkConditions } from './link-conditions.ts'
import { createDirection, type Direction } from './link-direction.ts'
import { jitter } from './jitter.ts'
import { propagationDelay } from './propagation-delay.ts'
import { partition } from './partition.ts'

/** Where a link listens. */
export interface ListenAddress {
  readonly host: string
  /** 0 for one that is free. */
  readonly port: number
}

/** One way into a region. */
export interface Link extends ListenAddress {
  /** Ends it, and its connections. Idempotent. */
  close(): Promise<void>
}

/** The links between regions: one from each region to each server in another. */
export interface Network {
  /**
   * Adds a region, with links from and to every other, at first without a distance. `port` is where its server listens, and
   * `undefined` while that is down: then connections are refused.
   */
  addRegion(region: string, port: () => number | undefined): Promise<void>
  /** Opens one more link: to whatever listens on `port` in `to`, as over there. `undefined`: nothing does, and connections are refused. */
  openLink(from: string, to: string, port: () => number | undefined, at?: ListenAddress): Promise<Link>
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

/** The link between two regions, or the way within one. */
interface Pair {
  readonly conditions: LinkConditions
  /** By the sending region. */
  readonly from: ReadonlyMap<string, Direction>
}

/** @param firstPort - of the links between servers; `undefined`: any that are free. */
export function createNetwork(firstPort?: number): Network {
  const scheduler = createScheduler()
  const ports = new Map<string, () => number | undefined>()
  const pairs = new Map<string, Pair>()
  const links = new Map<string, Link>()
  const open = new Set<Link>()
  let nextPort = firstPort ?? 0

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

  const openLink: Network['openLink'] = async (from, to, port, at = LOOPBACK) => {
    const { from: directions } = pairOf(from, to)
    const [there, back] = [directions.get(from), directions.get(to)]
    if (there === undefined || back === undefined) throw new Error(`no way from ${from} to ${to}`)
    const endings = new Set<() => void>()
    const listener = createServer({ allowHalfOpen: true }, (client) => {
      const end = relayConnection(client, port, { there, back }, () => endings.delete(end))
      endings.add(end)
    })
    await new Promise<void>((resolve, reject) => {
      listener.once('error', (error: NodeJS.ErrnoException) =>
        reject(error.code === 'EADDRINUSE' ? portInUse(at.port) : error),
      )
      listener.listen(at, resolve)
    })
    const link = {
      host: at.host,
      port: portOf(listener),
      close: () => {
        open.delete(link)
        const closed = new Promise<void>((resolve) => listener.close(() => resolve()))
        for (const end of endings) end()
        return closed
      },
    }
    open.add(link)
    return link
  }

  const addLink = async (from: string, to: string): Promise<void> => {
    const at = { ...LOOPBACK, port: firstPort === undefined ? 0 : nextPort++ }
    links.set(linkName(from, to), await openLink(from, to, () => ports.get(to)?.(), at))
  }

  return {
    async addRegion(region, port) {
      const others = [...ports.keys()]
      ports.set(region, port)
      pairs.set(pairName(region, region), createPair(region, region, scheduler))
      for (const other of others) pairs.set(pairName(region, other), createPair(region, other, scheduler))
      await scheduler.ready
      await Promise.all(others.flatMap((other) => [addLink(region, other), addLink(other, region)]))
    },
    openLink,
    port(from, to) {
      const link = links.get(linkName(from, to))
      if (link !== undefined) return link.port
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
      links.clear()
      await Promise.all([...open].map((link) => link.close()))
    },
  }
}

const LOOPBACK: ListenAddress = { host: '127.0.0.1', port: 0 }

function portOf(listener: Server): number {
  const address = listener.address()
  if (typeof address === 'object' && address !== null) return address.port
  throw new Error('the link does not listen')
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
      propagationDelay(conditions),
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
