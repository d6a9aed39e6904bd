import type { Probe } from './probe.ts'

/** What the monitor needs of one server's connections. */
export interface MonitoredConnections {
  /**
   * Which set of connections this is. It grows whenever they are all replaced, and never repeats for a name: another server
   * under an old name has a higher one.
   */
  readonly generation: number
  /** Since when somebody has been waiting for a word from this server, by `performance.now()`; `undefined`: nobody is. */
  waitingSince(now: number): number | undefined
  /**
   * The server is silent: closes what nobody uses and what has waited for it for too long. Called again and again for as long
   * as the silence lasts.
   */
  giveUp(now: number, limits: SilenceLimits): void
  /** Closes every connection, whatever runs: the server is not what it was when they were made. */
  drop(): void
}

/** How long, in milliseconds, something may have waited for a silent server. `Infinity`: it is not given up yet. */
export interface SilenceLimits {
  /** What can run elsewhere: reads, and whoever waits for a connection. */
  readonly movableMs: number
  /** What cannot: a write or a transaction in flight. */
  readonly boundMs: number
}

/** One server, as the monitor deals with it. */
export interface MonitoredServer {
  readonly probe: Probe
  readonly connections: MonitoredConnections
}
