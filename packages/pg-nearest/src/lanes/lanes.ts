import { AsyncResource } from 'node:async_hooks'
import type { Sharers } from '../checkout/wait-queue.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { Lane, type LaneEvents } from './lane.ts'
import { laneConnectionOf } from './shareable-connection.ts'
import type { Rescue } from '../lane-batch/lane-read.ts'
import { QuickTexts } from './quick-texts.ts'
import { ServerLanes } from './server-lanes.ts'

/** What lanes need from their pool. */
export interface LanesOptions {
  /** The use of a text on one connection that is the first under a name. */
  readonly prepareFrom: number
  readonly sharers: (server: string) => Sharers
  /** Those who wait for a connection to this server can share one, as long as there is room. */
  readonly onRoom: (server: string, hasRoom: () => boolean) => void
  /** A connection has died. Returns whether what was in flight on it may be sent again, as one loss. */
  readonly onLost: (lease: Lease, error: unknown) => boolean
}

/** The connections of a pool that many reads share at once. Nothing is in here as long as no read is in flight. */
export class Lanes {
  readonly #options: LanesOptions
  readonly #texts = new QuickTexts(() => performance.now())
  readonly #servers = new Map<string, ServerLanes>()
  readonly #context = new AsyncResource('pg-nearest')

  constructor(options: LanesOptions) {
    this.#options = options
  }

  /** Whether a text was quick so far. */
  mayShare(text: string): boolean {
    return this.#texts.mayShare(text)
  }

  /** Reads that share connections to a server. */
  inFlight(server: string): number {
    return this.#servers.get(server)?.inFlight ?? 0
  }

  /**
   * A lane that takes one more read.
   *
   * @param crowded - even if another one would be better, were there a connection for it.
   */
  join(server: string, crowded: boolean): Lane | undefined {
    return this.#servers.get(server)?.join(crowded, this.#options.sharers(server) === 'all')
  }

  /** The same for one that has waited, and goes past nobody. */
  joinNext(server: string): Lane | undefined {
    return this.#servers.get(server)?.join(true, true)
  }

  /** Makes a lane of a connection, which it gives back by itself. Who waits for a connection loses nothing by one that somebody holds. `undefined`: it must not be shared, or there are enough. */
  open(lease: Lease): Lane | undefined {
    const server = this.#of(lease.server)
    // What somebody holds is nobody's turn.
    const isTurn = lease.holder === undefined && this.#options.sharers(lease.server) === 'nobody'
    if (server.isFull || isTurn) return undefined
    const connection = laneConnectionOf(lease, this.#options.prepareFrom)
    if (connection === undefined) return undefined
    const events: LaneEvents = {
      wayMs: () => server.limit.wayMs,
      onAnswered: (ms) => {
        server.limit.note(ms)
        this.#offerRoom(lease.server, server)
      },
      onCulprit: (text) => this.#texts.keepApart(text),
      isDoubted: () => server.isDoubted,
      onLost: this.#options.onLost,
      onOver: (lane) => server.remove(lane),
    }
    const lane = new Lane(lease, connection, events)
    server.add(lane)
    this.#offerRoom(lease.server, server)
    return lane
  }

  #offerRoom(name: string, server: ServerLanes): void {
    this.#options.onRoom(name, () => server.hasRoom)
  }

  /** A read has run by itself, and taken so long. */
  ran(server: string, text: string, ms: number, rescue: Rescue | undefined): void {
    const { limit } = this.#of(server)
    this.#texts.ran(text, ms > limit.ms)
    limit.note(ms)
    rescue?.ran(text, ms)
  }

  /** It was given up by itself after so long. */
  gaveUp(server: string, text: string, ms: number, rescue: Rescue | undefined): void {
    if (ms > this.#of(server).limit.ms) this.ran(server, text, ms, rescue)
    else rescue?.ran(text, undefined)
  }

  /** It has failed by itself. */
  failed(text: string, rescue: Rescue | undefined): void {
    this.#texts.keepApart(text)
    rescue?.ran(text, undefined)
  }

  #of(server: string): ServerLanes {
    let known = this.#servers.get(server)
    if (known === undefined) {
      known = new ServerLanes((text, isSeldom) => this.#texts.keepApart(text, isSeldom), this.#context)
      this.#servers.set(server, known)
    }
    return known
  }
}
