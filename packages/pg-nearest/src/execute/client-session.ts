import type pg from 'pg'
import { NearestError } from '../errors.ts'
import type { RouteReason, ServedBy } from '../events/served-by.ts'
import type { Lease } from '../monitor/server-connections.ts'
import { isAnswer, isRefusedByRecovery } from '../server-failure.ts'
import type { Need } from '../statement/need.ts'
import { abandonable } from './abandonable.ts'
import type { Engine, Scope } from './engine.ts'
import { isFatal } from './fatal.ts'
import { lostConnection } from './lost-connection.ts'
import { planPrimary, planRead, type Attempt } from './plan.ts'
import { planStatement, type StatementPlan } from './plan-statement.ts'
import type { Request } from './request.ts'
import { runStatement, type ReadOnly, type StatementResult } from './run-statement.ts'
import { clock, failed, served } from './served.ts'
import { FREE, nextStanding, type Standing } from './standing.ts'
import { walk } from './walk.ts'

interface Serving {
  readonly result: StatementResult
  readonly servedBy: ServedBy
}

/** Hears which connection a client holds, so that its events can be passed on. */
export type OnHold = (client: pg.PoolClient, held: boolean) => void

/**
 * The statements of one borrowed client, given one after the other: the same walk as a single statement's, with a pin.
 * At most one connection is held, so two clients can never wait for each other's.
 */
export class ClientSession {
  readonly #engine: Engine
  readonly #scope: Scope
  readonly #onHold: OnHold
  #lease: Lease | undefined
  #standing: Standing = FREE

  constructor(engine: Engine, scope: Scope, onHold: OnHold) {
    this.#engine = engine
    this.#scope = scope
    this.#onHold = onHold
  }

  /** The connection that is held now. */
  get client(): pg.PoolClient | undefined {
    return this.#lease?.client
  }

  async run(request: Request): Promise<StatementResult> {
    const engine = this.#engine
    const { text } = request.config
    const start = clock(engine)
    try {
      const { result, servedBy } = await this.#route(request)
      return served(engine, text, start, result, servedBy)
    } catch (error) {
      throw failed(engine, text, start, error)
    }
  }

  /** Hands a query object that speaks the protocol by itself (a cursor, a stream) to the primary, or to the pin. */
  async submit(query: pg.Submittable): Promise<void> {
    this.#throwIfLost()
    if (this.#lease === undefined || (this.#standing.kind === 'free' && this.#lease.standby && !this.#scope.readOnly)) {
      const { topology, chooser } = this.#engine
      const attempts = this.#scope.readOnly
        ? planRead(topology, this.#scope.target, chooser)
        : planPrimary(topology, 'session')
      await this.#hold('', attempts, undefined, () => Promise.resolve())
    }
    this.#held().client.query(query)
  }

  /** Gives the connection back; with an error, or inside of a transaction, it is closed instead. */
  release(error?: Error | boolean): void {
    this.#letGo(error || this.#open)
    this.#standing = FREE
  }

  async #route(request: Request): Promise<Serving> {
    this.#throwIfLost()
    request.signal?.throwIfAborted()
    const plan = planStatement(this.#engine, this.#scope, request)
    switch (this.#standing.kind) {
      case 'free':
        return this.#choose(request, plan)
      case 'reading':
        return this.#read(request, plan.need, this.#standing)
      default:
        return this.#stay(request, plan.need)
    }
  }

  /** Not pinned: the plan's servers in turn. */
  async #choose(request: Request, plan: StatementPlan): Promise<Serving> {
    const { config, signal } = request
    const begins = plan.need.transaction?.kind === 'begin'
    const serving = await walk<StatementResult, Serving>({
      text: config.text,
      reads: plan.reads,
      readOnly: this.#scope.readOnly,
      harmless: begins,
      signal,
      attempts: this.#heldFirst(plan),
      primaries: () => planPrimary(this.#engine.topology, 'retry'),
      borrow: (server) => this.#take(server, signal),
      giveBack: (lease, error) => this.#letGoIfDead(lease, error),
      run: (lease) => runStatement(lease, config, this.#readOnly(begins, plan.reads), signal),
      learn: () => this.#engine.statements.learnWrite(config.text),
      arrived: (result, arrival) => ({
        result,
        servedBy: { ...arrival, region: this.#engine.regionOf(arrival.server) },
      }),
      failed: (error) => error,
      onTrouble: this.#engine.report,
    })
    this.#settle(request, plan.need, false)
    return serving
  }

  /** Once the primary was needed, this client stays with it: so its reads see its writes. */
  #heldFirst({ attempts, reads }: StatementPlan): readonly Attempt[] {
    const lease = this.#lease
    if (lease === undefined || (lease.standby && !reads)) return attempts
    const planned = attempts.find(({ server }) => server === lease.server)
    if (planned === undefined && lease.standby) return attempts
    const stays: Attempt = planned ?? { server: lease.server, reason: 'own-write' }
    const first = lease.standby || planned === attempts[0] ? stays : { ...stays, reason: 'own-write' as const }
    return [first, ...attempts.filter(({ server }) => server !== lease.server)]
  }

  /** Pinned: the connection that is held, and no other. */
  async #stay(request: Request, need: Need): Promise<Serving> {
    const lease = this.#held()
    const open = this.#open
    try {
      return await this.#runHere(request, need)
    } catch (error) {
      if (isFatal(lease, error)) throw this.#lose(lease, request, need, open, error)
      throw error
    }
  }

  /** In a read-only transaction on a standby: what only the primary can answer moves the transaction there. */
  async #read(request: Request, need: Need, standing: Extract<Standing, { kind: 'reading' }>): Promise<Serving> {
    const lease = this.#held()
    if (standing.failed) return this.#stay(request, need)
    const elsewhere = need.class === 'write' || need.class === 'session'
    if (this.#scope.readOnly) return this.#stay(request, need)
    if (!standing.movable) {
      if (need.class === 'session') throw notHere(lease.server)
      const serving = await this.#stay(request, need)
      // It was not refused, so it writes nothing: what it says is this server's, and the primary's was wanted.
      if (need.class === 'write') throw notHere(lease.server)
      return serving
    }
    if (!elsewhere) {
      try {
        return await this.#runHere(request, need)
      } catch (error) {
        request.signal?.throwIfAborted()
        if (!isFatal(lease, error) && !isRefusedByRecovery(error)) throw error
        if (isFatal(lease, error)) this.#letGo(true)
      }
    }
    await this.#moveToPrimary(standing.begin)
    return this.#stay(request, need)
  }

  async #moveToPrimary(begin: Request): Promise<void> {
    if (this.#lease !== undefined) await this.#lease.client.query('ROLLBACK').catch(() => this.#letGo(true))
    const attempts = planPrimary(this.#engine.topology, 'transaction')
    const { config, signal } = begin
    await this.#hold(config.text, attempts, signal, (lease) => runStatement(lease, config, 'none', signal))
    this.#standing = { kind: 'transaction', stateful: false }
  }

  /** Takes a connection to the first of these that lets `run` succeed, which must have no effect by itself. */
  async #hold(
    text: string,
    attempts: readonly Attempt[],
    signal: AbortSignal | undefined,
    run: (lease: Lease) => Promise<unknown>,
  ): Promise<void> {
    await walk<unknown, void>({
      text,
      reads: false,
      readOnly: false,
      harmless: true,
      signal,
      attempts,
      primaries: () => [],
      borrow: (server) => this.#take(server, signal),
      giveBack: (lease, error) => this.#letGoIfDead(lease, error),
      run,
      learn: () => undefined,
      arrived: () => undefined,
      failed: (error) => error,
      onTrouble: this.#engine.report,
    })
  }

  async #runHere(request: Request, need: Need): Promise<Serving> {
    const lease = this.#held()
    const reason: RouteReason = this.#standing.kind === 'pinned' ? 'pinned' : 'transaction'
    const readOnly = this.#open ? 'none' : this.#readOnly(need.transaction?.kind === 'begin', false)
    try {
      const result = await runStatement(lease, request.config, readOnly, request.signal)
      const role = lease.standby ? 'replica' : 'primary'
      const region = this.#engine.regionOf(lease.server)
      this.#settle(request, need, false)
      return { result, servedBy: { server: lease.server, region, role, reason, attempts: 1 } }
    } catch (error) {
      this.#settle(request, need, isAnswer(error) || request.signal?.aborted === true)
      throw error
    }
  }

  #settle(request: Request, need: Need, refused: boolean): void {
    const standby = this.#lease?.standby === true
    this.#standing = nextStanding(this.#standing, { request, need, open: this.#open, standby, failed: refused })
  }

  #readOnly(begins: boolean, reads: boolean): ReadOnly {
    if (!this.#scope.readOnly) return 'none'
    if (begins) return 'begin'
    return reads ? 'read' : 'statement'
  }

  #lose(lease: Lease, { config }: Request, need: Need, open: boolean, cause: unknown): NearestError {
    const { server, standby } = lease
    const error = lostConnection({ text: config.text, need, server, error: cause, open, standby })
    this.#engine.report(server, cause, 'query')
    this.#letGo(true)
    this.#standing = { kind: 'lost', error }
    return error
  }

  get #open(): boolean {
    return (this.#lease?.client.getTransactionStatus() ?? 'I') !== 'I'
  }

  async #take(server: string, signal: AbortSignal | undefined): Promise<Lease> {
    if (this.#lease?.server === server) return this.#lease
    this.#letGo()
    const borrow = (): Promise<Lease> => this.#engine.borrow(server)
    const lease = await (signal === undefined ? borrow() : abandonable(borrow, signal))
    this.#lease = lease
    this.#onHold(lease.client, true)
    return lease
  }

  #letGoIfDead(lease: Lease, error: unknown): void {
    if (isFatal(lease, error)) this.#letGo(true)
  }

  #letGo(error?: Error | boolean): void {
    const lease = this.#lease
    if (lease === undefined) return
    this.#lease = undefined
    this.#onHold(lease.client, false)
    lease.release(error)
  }

  #held(): Lease {
    if (this.#lease === undefined) throw new Error('A pinned client holds a connection')
    return this.#lease
  }

  #throwIfLost(): void {
    if (this.#standing.kind === 'lost') throw this.#standing.error
  }
}

function notHere(server: string): NearestError {
  return new NearestError(
    'NEAREST_NOT_HERE',
    `This statement needs the primary, and its read-only transaction runs on ${server}: begin the transaction without READ ONLY, or on pool.primary.`,
  )
}
