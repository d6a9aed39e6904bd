import { Socket } from 'node:net'
import { watchWrites } from './take-data.ts'

/** After how many trips something was sent, and in which count. */
interface Sent {
  readonly count: number
  readonly trips: number
}

/**
 * Counts how many trips to one server and back had to be made one after the other, on whatever connections: whatever is sent may be due to all that
 * has been heard. That never counts too little, and on a slow machine hardly more than on a quick one.
 */
export class WaitedTrips {
  readonly #port: number
  #count = 0
  #trips = 0

  /** @param url - leads to the server, from where the pool is. */
  constructor(url: string) {
    this.#port = Number(new URL(url).port)
  }

  /** The pool's option `stream`; pg's, too. */
  readonly stream = (): Socket => {
    const socket = new Socket()
    let last = this.#sent
    // The world's links take their time for a connection when something is sent on it.
    let trips = 2
    // Ahead of whoever answers to it.
    socket.on('data', () => {
      this.#heard(socket, last, trips)
      trips = 1
    })
    watchWrites(socket, () => (last = this.#sent))
    return socket
  }

  async of(work: () => Promise<unknown>): Promise<number> {
    this.#count++
    this.#trips = 0
    await work()
    return this.#trips
  }

  get #sent(): Sent {
    return { count: this.#count, trips: this.#trips }
  }

  #heard({ remotePort }: Socket, last: Sent, trips: number): void {
    if (remotePort === this.#port && last.count === this.#count) this.#trips = Math.max(this.#trips, last.trips + trips)
  }
}
