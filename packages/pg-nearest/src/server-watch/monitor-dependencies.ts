import type { Probe } from '../probe/probe.ts'

/** What the monitor needs from one server's connections. */
export interface MonitoredConnections {
  /**
   * Increases whenever all connections are replaced. Never repeats, even if the name goes to another server.
   */
  readonly generation: number
  /** How many there are. */
  readonly total: number
  /** How many of them are used by nobody. */
  readonly idle: number
  /** Connections in use plus callers waiting for one: the load that server selection balances. */
  readonly inFlight: number
  /** One of them leads to this machine, and is open. */
  leadsTo(machine: string): boolean
  /** Since when a connection has been waiting without receiving a byte, by `performance.now()`; `undefined`: none is. */
  waitingSince(now: number): number | undefined
  /** None is open, and those that are being made have not received a byte. */
  readonly unanswered: boolean
  /** No connection is accepted: refuses those who wait for one and can go elsewhere. What is being made goes on. */
  moveWaiters(): void
  /**
   * The server is silent: closes idle connections, and those that have waited too long. Called repeatedly while the silence lasts.
   */
  giveUp(now: number, limits: SilenceLimits): void
  /**
   * The server was a primary, and gets no writes any more: closes all connections at once but those in use that cannot lead to it as it
   * was. They report a standby, and were made since it was a primary; or they report a primary, and have told another machine, or were
   * dialled when that primary had ended. These are closed when they are returned: what runs there is answered or refused, and to cut it off
   * would leave the outcome of a write unknown.
   */
  drop(demotion: Demotion): void
  /**
   * Closes idle connections now, and the others when they are returned, because the name leads to another machine.
   *
   * @param replaced - what may run there is cut off at once, as with `drop`.
   */
  retire(replaced?: ReplacedPrimary): void
}

/** Times by `performance.now()`. */
export interface Demotion {
  /** The machine that was the primary; `undefined` if that is not known. */
  readonly primary: string | undefined
  /** When the server said for the last time that it is a primary; 0: never. */
  readonly primaryAt: number
  /** When a connection was dialled to that machine on which it has told of a restart since. `Infinity`: it has not. */
  readonly restartDialledAt: number
}

/** A primary to which the name led, until it led to the one that was promoted instead. */
export interface ReplacedPrimary {
  /** When it was started: what its machine's name begins with. */
  readonly start: string | undefined
  /** What was dialled before this and has not told its machine may lead there; by `performance.now()`. */
  readonly dialledBefore: number
}

/** How many milliseconds something may wait for a silent server. `Infinity`: it is not given up yet. */
export interface SilenceLimits {
  /** For what can run elsewhere: reads, and callers waiting for a connection. */
  readonly movableMs: number
  /** For what cannot: writes and transactions in flight. */
  readonly boundMs: number
}

/** One server as the monitor sees it. */
export interface MonitoredServer {
  readonly probe: Probe
  readonly connections: MonitoredConnections
}
