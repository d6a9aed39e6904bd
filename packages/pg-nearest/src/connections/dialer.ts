import { AsyncResource } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { WaitQueue } from '../checkout/wait-queue.ts'
import { PasswordError } from '../errors.ts'
import { askAgainAfterMs } from '../pg-client/password-function.ts'
import { serverClient } from '../pg-client/standby-aware-client.ts'
import { HookError } from '../connecting/connect-hooks.ts'
import { Connection, type ConnectionEvents } from '../pooled-connection/connection.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import {
  beginConnection,
  beginLogin,
  isSilence,
  makeConnection,
  type BegunConnection,
} from '../connecting/make-connection.ts'
import { DialWindow, type Login } from '../connecting/dial-window.ts'
import { SpareConnection } from '../connecting/spare-connection.ts'
import { NoConnectionError } from './no-connection-error.ts'
import { rejectWaitersOnHookError } from './reject-waiters-on-hook-error.ts'
import type { RefusalPause } from './refusal-pause.ts'
import type { ServerConnectionsOptions } from './server-connections-types.ts'

/** The connections that it dials for. */
export interface DialingConnections {
  generation(): number
  /** All of one server's. One that is dialled is among them at once. */
  readonly all: Set<Connection>
  readonly queue: WaitQueue<Lease>
  readonly pause: RefusalPause
  readonly events: ConnectionEvents
  /** How many more there may be. */
  vacancies(): number
  /** One has connected. */
  onConnected(connection: Connection): Promise<void>
  /** Something has changed for those who wait. */
  serve(): void
}

/** Makes connections to one server, and refuses those who wait for one when that fails. */
export class Dialer {
  readonly spare: SpareConnection
  readonly window: DialWindow
  readonly #options: ServerConnectionsOptions
  readonly #connections: DialingConnections
  readonly #Client: typeof pg.Client
  /** The pool's own: a connection outlives the request that it was made for, and must not keep what belongs to that. */
  readonly #context = new AsyncResource('pg-nearest')
  #dialling = 0

  constructor(options: ServerConnectionsOptions, connections: DialingConnections) {
    this.#options = options
    this.#connections = connections
    this.window = new DialWindow(options.connectTimeoutMs)
    this.#Client = serverClient({ ...options, server: options.server.name })
    this.spare = new SpareConnection({
      begin: () => this.#context.runInAsyncScope(() => this.#begin(() => undefined)),
      lifetimeMs: (options.pgOptions.maxLifetimeSeconds || Number.POSITIVE_INFINITY) * 1_000,
    })
  }

  /** How many are being dialled. */
  get dialling(): number {
    return this.#dialling
  }

  dial(): void {
    void this.#context.runInAsyncScope(() => this.#dial())
  }

  /** @param connection - `undefined`: it could not even begin. */
  failed(connection: Connection | undefined, error: unknown, login?: Login): void {
    const { all, generation, pause, queue, vacancies } = this.#connections
    if (error instanceof HookError) return rejectWaitersOnHookError(queue, error, connection?.wantedAt ?? 0)
    const why = error instanceof pg.DatabaseError || error instanceof PasswordError ? 'refused' : 'unreachable'
    this.#options.onDialFailed(error, connection?.generation ?? generation())
    const noneOpen = ![...all].some(({ alive }) => alive)
    const connecting = [...all].some((each) => each !== connection && each.state === 'connecting')
    // Who came later than a dial that was not answered is not answered by that.
    const since = isSilence(error) ? connection?.wantedAt : undefined
    if (noneOpen && (why === 'unreachable' || !connecting)) {
      queue.refuseFirst(new NoConnectionError(why, error), queue.size, since)
    } else if (why === 'refused') {
      pause.begin(new NoConnectionError(why, error))
      this.#connections.serve()
      if (pause.hopeless !== undefined) queue.refuseAll(pause.hopeless)
    } else {
      // Those whom the window keeps from a dial of their own wait no longer for a server that takes nobody than they would for that.
      const isStuck = this.window.isLimited && login?.takenMeanwhile === 0
      const others = isStuck ? Math.ceil(vacancies() / (this.#dialling + 1)) : 0
      queue.refuseFirst(new NoConnectionError(why, error), 1 + others, since)
    }
  }

  /** `undefined`: it could not even begin, as when the user's `stream` throws. */
  #begin(onFailed: (error: unknown) => void): BegunConnection | undefined {
    try {
      const { generation, events } = this.#connections
      const { pgOptions, connectTimeoutMs } = this.#options
      const exits = pgOptions.allowExitOnIdle === true
      const connection = new Connection(new this.#Client(pgOptions), generation(), events, exits)
      return beginConnection(connection, pgOptions, connectTimeoutMs)
    } catch (error) {
      onFailed(error)
      return undefined
    }
  }

  /** @param tries - how often the server has refused what the password function gave, in a row */
  async #dial(tries = 0): Promise<void> {
    const begun = this.spare.take() ?? this.#begin((error) => this.failed(undefined, error))
    if (begun === undefined) return
    const { connection } = begun
    this.#connections.all.add(connection)
    this.#dialling++
    // Whoever waits for his turn to be dialled for has it when another one is in, whatever the user's hooks do with that.
    const login = beginLogin(begun, this.window, () => this.#connections.serve())
    try {
      await makeConnection(begun, this.#options.pgOptions, this.#options.connectTimeoutMs)
    } catch (error) {
      if (connection.state === 'connecting') {
        const pauseMs = askAgainAfterMs(this.#options.login().password, error, tries + 1)
        if (pauseMs !== undefined) return this.#dialAgain(connection, error, pauseMs, tries + 1)
      }
      this.#dialling--
      // Waiters are refused before more is dialled for them. A connection that was given up has been reported already.
      if (connection.state === 'connecting') {
        const cause = error instanceof HookError && connection.hasDied ? error.cause : error
        this.failed(connection, cause, login)
      }
      connection.kill(error)
      return this.#connections.serve()
    }
    this.#dialling--
    // It may have been closed while the hook ran.
    if (connection.state !== 'connecting') return this.#connections.serve()
    this.#connections.pause.reset()
    await this.#connections.onConnected(connection)
  }

  /** The waiter keeps its turn meanwhile. */
  async #dialAgain(refused: Connection, error: unknown, pauseMs: number, tries: number): Promise<void> {
    refused.kill(error)
    await sleep(pauseMs)
    this.#dialling--
    if (this.#dialling < this.#connections.queue.size && this.#connections.vacancies() > 0) await this.#dial(tries)
  }
}
