import { Connection } from '../pooled-connection/connection.ts'
import type { ConnectionState } from '../pooled-connection/connection-lifecycle.ts'
import { MOST_DEATHS, runVerifyHook, type ConnectHooks } from '../connecting/connect-hooks.ts'
import { Dialer } from './dialer.ts'
import { IdleConnections, idleTimeoutOf } from '../checkout/idle-connections.ts'
import { Lease, type Lender } from '../pooled-connection/lease.ts'
import { nextGenerationNumber } from './generation-number.ts'
import { NoConnectionError, overloaded, rejectSoon, timedOut, unlisted } from './no-connection-error.ts'
import type { ServerConnections, ServerConnectionsOptions } from './server-connections-types.ts'
import { RefusalPause } from './refusal-pause.ts'
import { cutOff, isBusyElsewhere } from './replaced-primary.ts'
import { ForwardedEvents } from './pool-event-forwarder.ts'
import { areUnanswered, giveUp, moveWaiters, waitingSince } from './silent-server.ts'
import { nextLending, wouldHave } from '../checkout/next-lending.ts'
import type { Preference } from '../checkout/connection-preference.ts'
import type { Demotion, ReplacedPrimary, SilenceLimits } from '../server-watch/monitor-dependencies.ts'
import type { Role } from '../topology/topology-types.ts'
import { WaitQueue, type Purpose, type Sharers, type Waiter, type Wanted } from '../checkout/wait-queue.ts'

export function createServerConnections(options: ServerConnectionsOptions): ServerConnections {
  return new Connections(options)
}

class Connections implements ServerConnections, Lender {
  readonly server: string
  readonly #options: ServerConnectionsOptions
  readonly maxUses: number
  readonly #all = new Set<Connection>()
  readonly #idle: IdleConnections
  readonly #queue = new WaitQueue<Lease>()
  readonly #events: ForwardedEvents
  readonly #dialer: Dialer
  #generation = nextGenerationNumber()
  #taken = 0
  readonly #pause: RefusalPause
  #deathsBeforeUse = 0
  #ending = false
  #onEnded: (() => void) | undefined
  #ended: Promise<void> | undefined

  constructor(options: ServerConnectionsOptions) {
    const { pgOptions } = options
    this.server = options.server.name
    this.#options = options
    this.#events = new ForwardedEvents(options.onEvent, pgOptions.log)
    this.#pause = new RefusalPause(() => this.#serve(), options.refusedWaitMs)
    this.#dialer = this.#makeDialer()
    this.maxUses = pgOptions.maxUses || Number.POSITIVE_INFINITY
    this.#idle = new IdleConnections({
      timeoutMs: idleTimeoutOf(pgOptions),
      exits: pgOptions.allowExitOnIdle === true,
      mayExpire: () => [...this.#all].filter(({ alive }) => alive).length > (pgOptions.min ?? 0),
      onExpired: (connection) => connection.close(),
    })
  }

  /** By default 10, as of `pg.Pool`. */
  get #max(): number {
    return this.#options.login().max ?? this.#options.pgOptions.max ?? 10
  }

  /** The same, without those that are being closed and were never the pool's. */
  get #room(): number {
    return this.#max - this.#dialer.spare.closing
  }

  get inFlight(): number {
    return this.#taken + this.#queue.size
  }

  get total(): number {
    return this.#all.size
  }

  leadsTo(machine: string): boolean {
    return [...this.#all].some((each) => each.alive && each.machine === machine)
  }

  get idle(): number {
    return this.#idle.size
  }

  /** As `pg.Pool` counts: without those for whom a connection is being dialled. */
  get waiting(): number {
    return Math.max(0, this.#queue.size - this.#dialer.dialling)
  }

  get sharers(): Sharers {
    return this.#queue.sharers(this.#dialer.dialling)
  }

  get expired(): number {
    return [...this.#all].filter(({ expired }) => expired).length
  }

  get generation(): number {
    return this.#generation
  }

  forward(event: string): void {
    this.#events.forward(event)
  }

  probedRole(machine: string | undefined): Role {
    return this.#options.probedRole(machine)
  }

  probedPooled(): boolean {
    return this.#options.probedPooled()
  }

  disablePipelining(): void {
    this.#options.onNoPipelines()
  }

  /** While the server refuses new connections, any is better than none. */
  take(purpose: Purpose, preference?: Preference): Lease | undefined {
    const connection = this.#idle.take(this.#pause.active ? undefined : preference)
    return connection === undefined ? undefined : this.#lend(connection, purpose)
  }

  acquire(wanted: Wanted, signal: AbortSignal | undefined): Promise<Lease> {
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    if (this.#ending) return Promise.reject(new NoConnectionError('unreachable', new Error('The pool was ended')))
    if (this.#pause.hopeless !== undefined) return rejectSoon(this.#pause.hopeless)
    const { maxWaiting, pgOptions } = this.#options
    // Those who wait only for their turn to be dialled for will have one of these.
    const room = this.#pause.active ? 0 : Math.max(0, this.#max - this.#all.size)
    if (this.waiting - room >= maxWaiting && (this.#idle.size === 0 || this.#pause.active)) {
      return rejectSoon(new NoConnectionError('queue', overloaded(this.server, maxWaiting)))
    }
    const timeoutMs = pgOptions.connectionTimeoutMillis || undefined
    if (this.inFlight === 0) this.#options.onBusy()
    const waiting = this.#queue.wait(wanted, timeoutMs, timedOut, signal)
    this.#serve()
    return waiting
  }

  share(hasRoom: () => boolean): void {
    this.#queue.share(hasRoom, this.#dialer.dialling)
  }

  takeBack(connection: Connection, error: Error | boolean | undefined): void {
    this.#taken--
    connection.comeBack()
    this.#events.emit('release', error, connection.client)
    if (connection.state === 'closed') this.#events.emit('remove', connection.client)
    if (connection.uses >= this.maxUses) this.#events.log('remove expended client')
    if (error || !connection.alive || this.isSpent(connection)) return this.#remove(connection)
    if (connection.fit) {
      connection.signal('return')
      return this.#keep(connection)
    }
    if (connection.quiet && connection.fence === undefined) return this.#remove(connection)
    connection.settle()
  }

  waitingSince(now: number): number | undefined {
    return waitingSince(this.#all, now)
  }

  get unanswered(): boolean {
    return areUnanswered(this.#all)
  }

  moveWaiters(): void {
    moveWaiters(this.#queue)
  }

  giveUp(now: number, limits: SilenceLimits): void {
    this.#beginGeneration()
    giveUp(this.#all, this.#queue, now, limits)
    this.#serve()
  }

  retire(replaced?: ReplacedPrimary): void {
    this.#beginGeneration()
    for (const connection of this.#idle.takeAll()) connection.close()
    if (replaced !== undefined) cutOff(replaced, this.#all)
    this.#serve()
  }

  leave(): void {
    this.#queue.refuseAll(unlisted(this.server))
    this.retire()
  }

  drop(demotion: Demotion): void {
    this.#beginGeneration()
    for (const each of this.#all) if (!isBusyElsewhere(demotion, each)) each.kill(new Error('Connection terminated'))
    this.#serve()
  }

  end(): Promise<void> {
    this.#ending = true
    this.#queue.refuseAll(new NoConnectionError('unreachable', new Error('The pool was ended')))
    this.#pause.stop()
    this.#dialer.spare.drop()
    for (const connection of this.#idle.takeAll()) connection.close()
    for (const each of this.#all)
      if (each.state === 'connecting' || each.verifying) each.kill(new Error('The pool was ended'))
    return (this.#ended ??= new Promise((resolve) => {
      this.#onEnded = resolve
      if (this.#isClosed) resolve()
    }))
  }

  destroy(): void {
    this.#ending = true
    this.#pause.stop()
    this.#queue.refuseAll(new NoConnectionError('unreachable', new Error('The pool was destroyed')))
    this.#idle.takeAll()
    this.#dialer.spare.destroy()
    for (const connection of this.#all) connection.kill(new Error('The pool was destroyed'))
  }

  keepSpare(isWanted: boolean): void {
    const { spare } = this.#dialer
    if (!isWanted) return spare.drop()
    spare.keep(() => !this.#ending && !this.#pause.active && this.#all.size < this.#room)
  }

  #beginGeneration(): void {
    this.#generation = nextGenerationNumber()
    this.#dialer.spare.drop()
  }

  /** Gives those who wait what is there, and dials one for each who has none dialling yet, up to `max`. Closing connections count. */
  #serve(): void {
    for (let step = this.#nextStep; step !== undefined; step = this.#nextStep) {
      switch (step.kind) {
        case 'dial':
          this.#dialer.dial()
          break
        case 'replace':
          this.#idle.remove(step.connection)
          step.connection.close()
          break
        case 'lend':
          for (const each of step.overtaken) each.overtaken++
          this.#idle.remove(step.connection)
          this.#give(step.waiter, step.connection)
      }
    }
  }

  #give(waiter: Waiter<Lease>, connection: Connection): void {
    const lease = this.#lend(connection, waiter.purpose)
    // A listener of `acquire` may have aborted the waiter.
    if (!waiter.give(lease)) lease.release()
  }

  get #nextStep(): ReturnType<typeof nextLending<Waiter<Lease>, Connection>> {
    if (this.#ending || this.#queue.size === 0) return undefined
    const { dialling, window } = this.#dialer
    const { active: refuses } = this.#pause
    const now = { max: this.#room, idle: this.#idle.usable, all: this.#all, dialling, dialRoom: window.room, refuses }
    return nextLending(this.#queue, now, () => performance.now())
  }

  #makeDialer(): Dialer {
    return new Dialer(this.#options, {
      generation: () => this.#generation,
      vacancies: () => (this.#ending ? 0 : this.#room - this.#all.size),
      all: this.#all,
      queue: this.#queue,
      pause: this.#pause,
      events: {
        onSettled: (settled) => this.#settled(settled),
        onDeath: (dead, error, was) => this.#died(dead, error, was),
        onClosed: (closed) => this.#closed(closed),
      },
      onConnected: (connection) => this.#connected(connection),
      serve: () => this.#serve(),
    })
  }

  async #connected(connection: Connection): Promise<void> {
    connection.open(this.#options.pipelines())
    connection.signal('ready')
    this.#events.emit('connect', connection.client)
    // A listener may have closed it, or have ended everything.
    if (!connection.fit) return this.#diedBeforeUse(connection)
    await this.#verified(connection)
  }

  /** As in pg, `verify` runs on a connection that counts as lent. */
  async #verified(connection: Connection): Promise<void> {
    const { verify } = this.#options.pgOptions as ConnectHooks
    if (verify === undefined) return this.#keepNew(connection)
    connection.signal('lend')
    this.#taken++
    connection.taken = true
    connection.verifying = true
    try {
      await runVerifyHook(connection, verify, this.#options.connectTimeoutMs)
    } catch (error) {
      this.#dialer.failed(connection, error)
      return this.takeBack(connection, true)
    }
    this.#taken--
    connection.taken = false
    connection.verifying = false
    if (connection.state === 'closed') this.#events.emit('remove', connection.client)
    // It may have died, or been closed, while the hook ran.
    if (!connection.fit) return this.#diedBeforeUse(connection)
    connection.signal('return')
    this.#keepNew(connection)
  }

  /** Another one is made in its place, but not without end. */
  #diedBeforeUse(connection: Connection): void {
    if (++this.#deathsBeforeUse > MOST_DEATHS) {
      this.#deathsBeforeUse = 0
      this.#dialer.failed(connection, new Error('Connection terminated unexpectedly'))
    }
    this.#remove(connection)
  }

  #keep(connection: Connection): void {
    if (this.isSpent(connection)) return this.#remove(connection)
    const { first } = this.#queue
    if (first !== undefined && wouldHave(first, connection)) return this.#give(first, connection)
    this.#idle.add(connection)
    this.#serve()
  }

  #lend(connection: Connection, purpose: Purpose): Lease {
    if (this.inFlight === 0) this.#options.onBusy()
    connection.signal(purpose === 'statement' ? 'run' : 'lend')
    this.#taken++
    connection.taken = true
    connection.endTransactionsOfOthers()
    const { queued } = connection
    this.#events.emit('acquire', connection.client)
    // A listener has used it, maybe to set something for whoever gets it.
    if (connection.queued > queued) connection.isMarked = true
    this.#pause.served()
    return new Lease(connection, this)
  }

  isSpent(connection: Connection): boolean {
    return this.isGivenUp(connection) || connection.uses >= this.maxUses || connection.expired
  }

  isGivenUp({ generation }: Connection): boolean {
    return this.#ending || generation !== this.#generation
  }

  #remove(connection: Connection): void {
    connection.close()
    this.#serve()
  }

  #settled(connection: Connection): void {
    if (!connection.fit) return this.#remove(connection)
    connection.signal('settled')
    this.#keep(connection)
  }

  #died(connection: Connection, error: unknown, was: ConnectionState): void {
    if (connection.generation !== this.#generation) return
    this.#options.onLoss()
    if (was !== 'idle') return
    this.#idle.remove(connection)
    this.#options.onEvent('error', error, connection.client)
  }

  #closed(connection: Connection): void {
    this.#all.delete(connection)
    this.#dialer.spare.closed(connection)
    this.#idle.remove(connection)
    if (connection.wasOpen) {
      // As in pg.Pool, a connection that is taken is released first.
      if (!connection.taken) this.#events.emit('remove', connection.client)
      // It has freed a slot on the server.
      this.#pause.cut()
    }
    this.#serve()
    if (this.#isClosed) this.#onEnded?.()
  }

  get #isClosed(): boolean {
    return this.#all.size === 0 && this.#dialer.spare.open === 0
  }

  /** Its lifetime begins when it can be lent: `verify` may take longer than that. */
  #keepNew(connection: Connection): void {
    this.#deathsBeforeUse = 0
    const { maxLifetimeSeconds = 0 } = this.#options.pgOptions
    const expire = (): void => void (this.#idle.remove(connection) && this.#remove(connection))
    // What was made ahead has lived for a while.
    const leftMs = maxLifetimeSeconds * 1_000 - (connection.wantedAt - connection.dialledAt)
    if (maxLifetimeSeconds > 0) connection.limitLifetime(leftMs, expire)
    this.#keep(connection)
  }
}
