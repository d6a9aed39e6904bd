import pg from 'pg'
import { NearestError } from '../errors.ts'
import type { Role, Server } from '../topology/topology.ts'
import { createSilence } from './silence.ts'
import { isStandby, serverClient } from './server-client.ts'

/** A connection that is ours until it is released. */
export interface Lease {
  readonly server: string
  readonly client: pg.PoolClient
  /** Whether its server is in recovery: by the connection's own word, else by the role last probed. */
  readonly standby: boolean
  /** Whether this connection itself has said so: proof enough that it cannot write. */
  readonly provenStandby: boolean
  /** The socket is open, as far as is known. */
  readonly alive: boolean
  /** When the connection was first lent, by `performance.now()`: its server has not begun anew since. */
  readonly connectedAt: number
  /** Several statements may be sent at once. */
  readonly pipelines: boolean
  /** The first of what was sent at once was answered, and the rest is not: closes it, and no more is sent so there. */
  refusePipelines(): void
  /** With an error (or `true`), or inside of a transaction, the connection is closed instead of kept. */
  release(error?: Error | boolean): void
  /** Closes its socket now, whatever runs on it. It must still be released. */
  kill(): void
}

/** One server's connections: how they are had and given back stays behind this. */
export interface ServerConnections {
  readonly server: string
  /** Connections lent or being waited for: the load that selection balances. */
  readonly inFlight: number
  readonly total: number
  readonly idle: number
  readonly waiting: number
  /** Passes on what the server's `pg.Pool` emits under this name, from now on. Its errors are passed on always. */
  forward(event: string): void
  /** Rejects with what pg says when no connection can be had. */
  borrow(): Promise<Lease>
  /** Since when somebody has been waiting for a word from this server, by `performance.now()`; `undefined`: nobody is. */
  waitingSince(now: number): number | undefined
  /**
   * The server does not answer: closes what has been waiting for it for so long, and what nobody uses; whoever waits for a
   * connection is told so.
   */
  giveUp(now: number, silentMs: number): void
  /** Closes every connection, whatever runs: the server is not what it was when they were made. */
  drop(): void
  /** Waits for what is lent, then closes all. */
  end(): Promise<void>
  /** Closes all now, whatever runs. */
  destroy(): void
}

export interface ServerConnectionsOptions {
  readonly server: Server
  readonly url: string
  readonly connectTimeoutMs: number
  /** Options of `pg.Pool` without those that name a server. */
  readonly pgOptions: pg.PoolConfig
  /** The role last probed: the word of a connection that has heard nothing since a promotion is old. */
  readonly probedRole: () => Role
  /** Hears what the server's `pg.Pool` emits. */
  readonly onEvent: (event: string, ...args: unknown[]) => void
  /** A connection died that nobody had closed. */
  readonly onLoss: () => void
  /** A connection says that its server was promoted. */
  readonly onPromotion: () => void
  /** How many may wait for a connection. */
  readonly maxWaiting: number
  /** Whether what stands before the server takes several statements at once. */
  readonly pipelines: () => boolean
  /** It does not. */
  readonly onNoPipelines: () => void
}

/** Somebody who waits for a connection. */
interface Waiter {
  readonly reject: (error: Error) => void
  /** When it was first seen to wait. */
  since: number | undefined
}

/** pg's own words for a connection that could not be had in time. */
const SILENT = 'timeout expired'

const FORWARDED: ReadonlySet<string> = new Set(['connect', 'acquire', 'remove', 'release'])

export function createServerConnections(options: ServerConnectionsOptions): ServerConnections {
  const { server, probedRole } = options
  const pool = new pg.Pool({ ...options.pgOptions, Client: serverClient(options) })
  const clients = new Set<pg.PoolClient>()
  const leases = new WeakMap<pg.PoolClient, Lease>()
  const lent = new Set<pg.PoolClient>()
  /** Closed by us: nobody's error. */
  const dropped = new WeakSet<object>()
  const waiting = new Set<Waiter>()
  const silence = createSilence()
  const forwarded = new Set<string>()
  let inFlight = 0
  // Without a listener an idle connection that dies would crash the process.
  pool.on('error', (error, client) => {
    // pg hangs the whole client on it, with its password.
    Reflect.deleteProperty(error, 'client')
    if (!dropped.has(client)) options.onEvent('error', error, client)
  })
  pool.on('connect', (client) => clients.add(client))
  pool.on('remove', (client) => clients.delete(client))

  const newLease = (client: pg.PoolClient): Lease => {
    let alive = true
    const connectedAt = performance.now()
    // Without a listener a connection that dies while it is lent would crash the process; its statement rejects anyway.
    client.on('error', () => {
      alive = false
      options.onLoss()
    })
    return {
      server: server.name,
      client,
      connectedAt,
      get pipelines() {
        return options.pipelines()
      },
      get standby() {
        const said = isStandby(client)
        return said === undefined ? probedRole() === 'replica' : said && probedRole() !== 'primary'
      },
      get provenStandby() {
        return isStandby(client) === true && probedRole() !== 'primary'
      },
      get alive() {
        return alive
      },
      refusePipelines() {
        options.onNoPipelines()
        this.kill()
      },
      release(error) {
        inFlight--
        // Whoever has it next would run inside of somebody else's transaction.
        lent.delete(client)
        client.release(error || client.getTransactionStatus() !== 'I' || dropped.has(client))
      },
      kill() {
        alive = false
        client.connection.stream.destroy()
      },
    }
  }

  const lease = (client: pg.PoolClient): Lease => {
    let known = leases.get(client)
    if (known === undefined) leases.set(client, (known = newLease(client)))
    return known
  }

  const close = (client: pg.PoolClient): void => {
    dropped.add(client)
    client.connection.stream.destroy()
  }

  const borrow = (): Promise<Lease> => {
    if (pool.waitingCount >= options.maxWaiting) return Promise.reject(overloaded(server.name, options.maxWaiting))
    return new Promise((resolve, reject) => {
      inFlight++
      const waiter: Waiter = { reject, since: undefined }
      waiting.add(waiter)
      pool.connect((error, client) => {
        const wanted = waiting.delete(waiter)
        if (client !== undefined && error === undefined) {
          if (wanted && !dropped.has(client)) {
            lent.add(client)
            return resolve(lease(client))
          }
          client.release(dropped.has(client))
          if (wanted) {
            inFlight--
            return resolve(borrow())
          }
        }
        inFlight--
        reject(error ?? new Error('pg lent no client'))
      })
    })
  }

  return {
    server: server.name,
    get inFlight() {
      return inFlight
    },
    get total() {
      return pool.totalCount
    },
    get idle() {
      return pool.idleCount
    },
    get waiting() {
      return pool.waitingCount
    },
    forward(event) {
      if (!FORWARDED.has(event) || forwarded.has(event)) return
      forwarded.add(event)
      pool.on(event as 'connect', (...args) => options.onEvent(event, ...args))
    },
    borrow,
    waitingSince(now) {
      let since = silence.listen(clients, now)
      for (const waiter of waiting) {
        waiter.since ??= now
        // Whoever waits for one that is lent waits for its user.
        if (pool.totalCount > lent.size) since = Math.min(since ?? now, waiter.since)
      }
      return since
    },
    giveUp(now, silentMs) {
      silence.listen(clients, now)
      for (const client of clients) {
        if (!lent.has(client) || silence.of(client, now) >= silentMs) close(client)
        else dropped.add(client)
      }
      for (const waiter of waiting) {
        if (now - (waiter.since ?? now) < silentMs) continue
        waiting.delete(waiter)
        waiter.reject(new Error(SILENT))
      }
    },
    drop() {
      for (const client of clients) close(client)
    },
    async end() {
      if (!pool.ending) await pool.end()
    },
    destroy() {
      for (const client of clients) client.connection.stream.destroy()
      for (const { reject } of waiting) reject(new Error('The pool was destroyed'))
      waiting.clear()
      if (!pool.ending) void pool.end()
    },
  }
}

function overloaded(server: string, maxWaiting: number): NearestError {
  return new NearestError(
    'NEAREST_OVERLOADED',
    `${maxWaiting} statements wait for a connection to ${server} already, which is as many as "maxWaiting" lets: ask for less at once, or raise it, or "max".`,
  )
}
