import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { NoConnectionError } from '../../src/connections/no-connection-error.ts'
import { createServerConnections } from '../../src/connections/server-connections.ts'
import type { ServerConnections } from '../../src/connections/server-connections-types.ts'
import type { Purpose } from '../../src/checkout/wait-queue.ts'
import { FakeServer } from './fake-server.ts'
import { lastPid } from './fake-session.ts'
import { Holding, processIdOf } from './holding.ts'
import { loginOf } from './login-of.ts'

export interface ModelOptions {
  readonly max: number
  readonly min: number
  readonly idleTimeoutMs: number
  /** For how long somebody waits for a connection; 0: for ever. */
  readonly waitMs: number
  readonly maxUses: number
  readonly together: boolean
  readonly hook: 'none' | 'slow' | 'fails at times'
  readonly verify: 'none' | 'slow' | 'fails at times'
}

export const MAX_WAITING = 5
const CONNECT_MS = 400
/** On a machine that does other things, too. */
const PATIENCE_MS = 1_500
/** What was given back too early, or is being closed, has a second. */
const REST_MS = 4_000

interface Waiting {
  readonly id: number
  readonly purpose: Purpose
  readonly since: number
}

/** What pg's client knows of its connection. */
interface Verified {
  readonly _ending: boolean
  readonly connection: { readonly stream: { readonly destroyed: boolean } }
}

/** One server's connections, those who use them, and what must hold whatever happens to them. */
export class Harness {
  readonly server: FakeServer
  readonly connections: ServerConnections
  readonly options: ModelOptions
  readonly holdings: Holding[] = []
  readonly violations: string[] = []
  /** Connections that must not be lent again. */
  readonly #banned = new Set<number>()
  readonly #waiting = new Map<number, Waiting>()
  readonly #controllers: AbortController[] = []
  readonly #began = performance.now()
  /** They were given up, and so were those that were being made. */
  #oldOnes = 0
  #asked = 0
  #hooks = 0
  readonly #verifying = new Set<Verified>()
  #dialsAllowed = 10
  #ended: Promise<void> | undefined
  #over = false

  private constructor(server: FakeServer, options: ModelOptions) {
    this.server = server
    this.options = options
    this.connections = createServerConnections({
      server: { name: 'fake' },
      login: () => loginOf(server.url),
      connectTimeoutMs: CONNECT_MS,
      pgOptions: this.#pgOptions(),
      probedRole: () => 'primary',
      probedPooled: () => false,
      onEvent: () => undefined,
      onBusy: () => undefined,
      onLoss: () => undefined,
      onDialFailed: () => undefined,
      onPromotion: () => undefined,
      refusedWaitMs: () => 5_000,
      maxWaiting: MAX_WAITING,
      pipelines: () => options.together,
      onNoPipelines: () => undefined,
    })
  }

  static async start(options: ModelOptions): Promise<Harness> {
    return new Harness(await FakeServer.start(), options)
  }

  #pgOptions(): pg.PoolConfig {
    const { max, min, idleTimeoutMs, waitMs, maxUses, hook, verify } = this.options
    const run = async (how: string): Promise<void> => {
      await sleep(5)
      if (how === 'fails at times' && ++this.#hooks % 3 === 0) throw new Error('the hook has failed')
    }
    return {
      max,
      min,
      idleTimeoutMillis: idleTimeoutMs,
      connectionTimeoutMillis: waitMs,
      maxUses,
      ...(hook === 'none' ? {} : { onConnect: () => run(hook) }),
      ...(verify === 'none'
        ? {}
        : {
            verify: (client: Verified, done: (error?: unknown) => void) => {
              this.#verifying.add(client)
              const verified = run(verify).finally(() => this.#verifying.delete(client))
              verified.then(() => done(), done)
            },
          }),
    } as unknown as pg.PoolConfig
  }

  /**
   * Whether so many are in flight. A connection that the hook looks at is lent to nobody; one that is being closed is given up in a moment,
   * whatever the hook does.
   */
  #isInFlight(count: number, known: number): boolean {
    const open = [...this.#verifying].filter(({ _ending, connection }) => !_ending && !connection.stream.destroyed)
    return count >= known + open.length && count <= known + this.#verifying.size
  }

  get held(): readonly Holding[] {
    return this.holdings.filter(({ released }) => !released)
  }

  /** It was ended or destroyed. */
  get over(): boolean {
    return this.#over
  }

  take(purpose: Purpose): void {
    const lease = this.connections.take(purpose)
    if (lease !== undefined) this.#hold(lease)
  }

  acquire(purpose: Purpose, abortable: boolean): void {
    const id = this.#asked++
    this.#dialsAllowed += 4
    const controller = abortable ? new AbortController() : undefined
    if (controller !== undefined) this.#controllers.push(controller)
    const waiting = { id, purpose, since: performance.now() }
    this.#waiting.set(id, waiting)
    void this.connections.acquire({ purpose }, controller?.signal).then(
      (lease) => {
        this.#settled(waiting)
        // Whoever has come before and waits still would have been the one to have it.
        const [first] = this.#waiting.keys()
        if (first !== undefined && first < id) this.#violated(`${id} was served before ${first}`)
        this.#hold(lease)
      },
      (error: unknown) => {
        this.#settled(waiting)
        const known = error instanceof NoConnectionError || error === controller?.signal.reason
        if (!known) this.#violated(`an acquire was rejected with ${String(error)}`)
      },
    )
  }

  #settled({ id, since }: Waiting): void {
    if (!this.#waiting.delete(id)) this.#violated(`${id} was settled twice`)
    const { waitMs } = this.options
    const tookMs = performance.now() - since
    if (waitMs > 0 && tookMs > waitMs + PATIENCE_MS) this.#violated(`${id} waited for ${Math.round(tookMs)} ms`)
  }

  #hold(lease: ReturnType<ServerConnections['take']> & object): void {
    const pid = processIdOf(lease)
    const session = this.server.byPid(pid)
    if (!lease.alive) this.#violated('a connection was lent that is dead')
    if (!lease.quiet || lease.status !== 'I')
      this.#violated(`a connection was lent at ${lease.status}, quiet: ${lease.quiet}`)
    if (lease.fence !== undefined) this.#violated('a connection was lent that is being cancelled')
    if (session !== undefined && (session.status !== 'I' || session.owed > 0)) {
      this.#violated(`a connection was lent whose server is at ${session.status} and owes ${session.owed} answers`)
    }
    if (this.#banned.has(pid) || pid <= this.#oldOnes)
      this.#violated('a connection was lent that was not to be used again')
    if (this.held.some((other) => other.pid === pid)) this.#violated('a connection was lent twice')
    this.holdings.push(new Holding(lease, this.server, (what) => this.#violated(what)))
  }

  release(holding: Holding, error: boolean): void {
    this.#dialsAllowed += 2
    // In flight, it may be fit again when all is answered.
    if (error || (holding.lease.quiet && holding.lease.status !== 'I')) this.#banned.add(holding.pid)
    holding.release(error)
  }

  abort(which: number): void {
    this.#controllers[which % Math.max(1, this.#controllers.length)]?.abort(new Error('aborted'))
  }

  giveUp(movableMs: number, boundMs: number): void {
    this.#dialsAllowed += 10
    this.#oldOnes = lastPid()
    this.connections.giveUp(performance.now(), { movableMs, boundMs })
  }

  drop(): void {
    this.#dialsAllowed += 10
    this.#oldOnes = lastPid()
    this.connections.drop({
      primary: undefined,
      primaryAt: performance.now(),
      restartDialledAt: Number.POSITIVE_INFINITY,
    })
  }

  /** Sockets that go allow for new ones. */
  cut(count: number): void {
    this.#dialsAllowed += count
  }

  end(): void {
    if (this.#over) return
    this.#over = true
    this.#ended = this.connections.end()
  }

  destroy(): void {
    this.#over = true
    this.connections.destroy()
    const { inFlight } = this.connections
    if (!this.#isInFlight(inFlight, this.held.length)) {
      this.#violated('somebody waits at connections that were destroyed')
    }
    const alive = this.held.filter(({ lease }) => lease.alive)
    if (alive.length > 0) this.#violated('a connection lives on that was destroyed')
  }

  /** What must hold at any moment. */
  async check(): Promise<void> {
    await turn()
    const { total, waiting, inFlight } = this.connections
    const { max, waitMs } = this.options
    if (total > max) this.#violated(`there are ${total} connections, and ${max} at most`)
    const unsettled = this.#waiting.size
    // Those for whom a connection is being made do not count.
    if (waiting > unsettled) this.#violated(`${waiting} wait, and ${unsettled} have not been settled`)
    if (unsettled > 0 && this.connections.take('statement') !== undefined) {
      this.#violated('somebody waited beside an idle connection')
    }
    if (!this.#isInFlight(inFlight, this.held.length + unsettled))
      this.#violated(`${inFlight} are in flight: ${this.held.length} are held, and ${unsettled} not settled`)
    for (const { id, since } of this.#waiting.values()) {
      const forMs = performance.now() - since
      if (waitMs > 0 && forMs > waitMs + PATIENCE_MS) this.#violated(`${id} waits for longer than it wants to`)
    }
    const allowed = this.#dialsAllowed + (performance.now() - this.#began) / 50
    if (this.server.refused > allowed)
      this.#violated(`a server that has no slot left was asked ${this.server.refused} times`)
    for (const holding of this.holdings) holding.check()
  }

  /** All is healed and given back: then everybody has been served, and nothing is left of what was. */
  async rest(destroys: boolean): Promise<void> {
    await this.server.heal()
    for (const holding of this.holdings) holding.expectCancel()
    const calm = (): boolean => {
      for (const session of this.server.sessions) session.cancel()
      for (const holding of this.held) this.release(holding, false)
      const { total, idle, inFlight } = this.connections
      return inFlight === 0 && this.#waiting.size === 0 && (this.#over ? total === 0 : total === idle)
    }
    if (!(await until(calm, REST_MS))) this.#violated(`it does not come to rest: ${this.#figures()}`)
    await this.check()
    // One may just have been idle for too long.
    await until(calm, REST_MS)
    if (!this.#over) await this.#takeAll()
    if (destroys) this.destroy()
    else this.end()
    await this.#empty()
    await this.server.stop()
    for (const holding of this.holdings) holding.checkEnd()
  }

  /** Each connection that counts against `max` can be had, or is gone a moment later: its socket has just been cut. */
  async #takeAll(): Promise<void> {
    const areHad = (): boolean => {
      const { total } = this.connections
      for (let i = this.held.length; i < total; i++) this.take('client')
      return this.held.length === total
    }
    if (!(await until(areHad, REST_MS)))
      this.#violated(`there are ${this.connections.total} connections, and ${this.held.length} can be had`)
    for (const holding of this.held) this.release(holding, false)
  }

  async #empty(): Promise<void> {
    const empty = (): boolean => this.connections.total === 0 && this.server.sessions.size === 0
    if (!(await until(empty, REST_MS))) {
      this.#violated(`it is over, and not empty: ${this.#figures()}, ${this.server.sessions.size} sockets`)
    }
    if (this.connections.idle > 0 || this.connections.inFlight > 0) this.#violated(`it is over: ${this.#figures()}`)
    if (this.#ended === undefined) return
    const ended = await Promise.race([this.#ended.then(() => true), sleep(PATIENCE_MS, false)])
    if (!ended) this.#violated('its end does not end')
  }

  #figures(): string {
    const { total, idle, waiting, inFlight } = this.connections
    return `${total} connections, ${idle} idle, ${waiting} waiting, ${inFlight} in flight, ${this.#waiting.size} not settled`
  }

  #violated(what: string): void {
    this.violations.push(what)
  }
}

export async function until(holds: () => boolean, ms: number): Promise<boolean> {
  const end = performance.now() + ms
  while (!holds()) {
    if (performance.now() > end) return false
    await sleep(3)
  }
  return true
}
