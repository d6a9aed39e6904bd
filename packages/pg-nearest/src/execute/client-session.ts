import type pg from 'pg'
import { NearestError } from '../errors.ts'
import type { RouteReason, ServedBy } from '../events/served-by.ts'
import type { Lease } from '../monitor/server-connections.ts'
import { isAnswer, isRefusedByRecovery } from '../server-failure.ts'
import { answerAll, delivering, leadTo, type Call, type Serving } from './call.ts'
import { notBegun, notHere } from './client-errors.ts'
import { commandOf, emptyResult, isDeferrable } from './deferred-begin.ts'
import type { Engine, Scope } from './engine.ts'
import { isFatal } from './fatal.ts'
import { trusts, type Guard, type Trust } from './guard.ts'
import { guardFor } from './guard-for.ts'
import { HeldConnection, type OnHold } from './held-connection.ts'
import { lostConnection } from './lost-connection.ts'
import { finishGroup, openTransaction } from './open-transaction.ts'
import { heldJourney, type HeldJourney } from './held-journey.ts'
import { planPrimary, planRead, type Attempt } from './plan.ts'
import { planStatement, type StatementPlan } from './plan-statement.ts'
import type { Request } from './request.ts'
import { cancel, runStatement, type ReadOnly, type Rider, type StatementResult } from './run-statement.ts'
import { clock, failed, served } from './served.ts'
import { FREE, nextStanding, type Standing } from './standing.ts'
import { commitsUnseen, mayJoin, mayTravel, takesRider } from './travel.ts'
import { Turns } from './turns.ts'
import { walk } from './walk.ts'

/**
 * The statements of one borrowed client, in the order in which they are given: the same walk as a single statement's,
 * with a pin. At most one connection is held, so two clients can never wait for each other's.
 *
 * A BEGIN for the primary is answered at once and travels with the first statement; what is given without waiting travels
 * behind it.
 */
export class ClientSession {
  readonly #engine: Engine
  readonly #scope: Scope
  readonly #held: HeldConnection
  readonly #turns: Turns<Call>
  readonly #signal: AbortSignal | undefined
  #standing: Standing = FREE
  /** It has been answered, and not been sent. */
  #begin: Call | undefined

  /** `signal` ends everything: see {@link abort}. */
  constructor(engine: Engine, scope: Scope, onHold: OnHold, signal?: AbortSignal) {
    this.#engine = engine
    this.#scope = scope
    this.#signal = signal
    this.#held = new HeldConnection((server) => engine.borrow(server), onHold)
    this.#turns = new Turns(
      () => this.#standing.kind === 'transaction' && this.#held.lease?.standby === false && this.#held.lease.pipelines,
    )
  }

  /** The connection that is held now. */
  get client(): pg.PoolClient | undefined {
    return this.#held.lease?.client
  }

  /** As PostgreSQL says it: `I`, `T` or `E`. */
  get transactionStatus(): string {
    return this.#begin === undefined ? (this.#held.lease?.client.getTransactionStatus() ?? 'I') : 'T'
  }

  run(request: Request): Promise<StatementResult> {
    const engine = this.#engine
    const { text } = request.config
    const start = clock(engine)
    return new Promise((resolve, reject) => {
      const settle = ({ result, servedBy }: Serving): void => resolve(served(engine, text, start, result, servedBy))
      const fail = (error: unknown): void => reject(failed(engine, text, start, error))
      const { need, reads } = planStatement(engine, this.#scope, request)
      const guard = guardFor(engine, this.#scope, request, reads)
      const call: Call = {
        request,
        need,
        guard,
        travels: mayTravel(request, need),
        settle,
        fail,
        start: () => delivering(this.#route(call), call),
      }
      this.#turns.take(call)
    })
  }

  /** Hands a query object that speaks the protocol by itself (a cursor, a stream) to the primary, or to the pin. */
  submit(query: pg.Submittable): Promise<void> {
    return new Promise((resolve, reject) => {
      const request: Request = { config: { text: '' } }
      const start = (): Promise<() => void> =>
        this.#submit(query).then(
          () => resolve,
          (error: unknown) => () => reject(error),
        )
      const none = { guard: undefined, settle: () => undefined, fail: reject }
      this.#turns.take({ request, need: { class: 'session' }, travels: false, start, ...none })
    })
  }

  /** Calls back once everything that was given has ended. */
  idle(callback: () => void): void {
    this.#turns.idle(callback)
  }

  /** Cancels what runs, and closes the connection: what was not committed is rolled back. */
  abort(reason: unknown): void {
    const { lease } = this.#held
    if (lease !== undefined) {
      void cancel(lease)
      lease.kill()
    }
    this.#begin = undefined
    this.#standing = { kind: 'lost', error: reason }
  }

  /** Gives the connection back; with an error, or inside of a transaction, it is closed instead. */
  release(error?: Error | boolean): void {
    this.#begin = undefined
    this.#held.letGo(error)
    this.#standing = FREE
  }

  async #submit(query: pg.Submittable): Promise<void> {
    this.#throwIfLost()
    if (this.#begin !== undefined) await this.#openAlone(this.#begin)
    if (
      this.#held.lease === undefined ||
      (this.#standing.kind === 'free' && this.#held.lease.standby && !this.#scope.readOnly)
    ) {
      const { topology, chooser } = this.#engine
      const attempts = this.#scope.readOnly
        ? planRead(topology, this.#scope.target, chooser)
        : planPrimary(topology, 'session')
      await this.#hold('', attempts, undefined, () => Promise.resolve())
    }
    this.#held.here.client.query(query)
    guardFor(this.#engine, this.#scope, { config: { text: '' } }, false)?.lookAway()
  }

  async #route(call: Call): Promise<Serving> {
    if (this.#standing.kind === 'unbegun' && call.need.transaction?.kind === 'rollback') {
      this.#standing = FREE
      return this.#answer('ROLLBACK')
    }
    this.#throwIfLost()
    call.request.signal?.throwIfAborted()
    if (this.#begin !== undefined) return this.#openWith(this.#begin, call)
    switch (this.#standing.kind) {
      case 'free':
        return this.#chooseOrDefer(call)
      case 'reading':
        return this.#read(call, this.#standing)
      default:
        return this.#stay(call)
    }
  }

  async #chooseOrDefer(call: Call): Promise<Serving> {
    const plan = planStatement(this.#engine, this.#scope, call.request)
    const attempts = this.#heldFirst(plan, call.guard)
    const [first] = attempts
    if (first === undefined || !this.#mayDefer(call, first.server)) return this.#choose(call, plan, attempts)
    this.#begin = call
    return this.#answer(commandOf(call.request.config))
  }

  /** What is known without asking. */
  #answer(command: string): Serving {
    const [first] = planPrimary(this.#engine.topology, 'transaction')
    return { result: emptyResult(command), servedBy: this.#servedBy(first?.server ?? '', 'primary', 'transaction', 0) }
  }

  /** A BEGIN for the primary need not travel alone: its answer is known. */
  #mayDefer({ request, need }: Call, server: string): boolean {
    if (need.transaction?.kind !== 'begin' || this.#scope.readOnly || request.signal !== undefined) return false
    return isDeferrable(request.config) && leadTo(planPrimary(this.#engine.topology, 'transaction'), server)
  }

  /** The first statement behind a BEGIN that was not sent. */
  async #openWith(begin: Call, call: Call): Promise<Serving> {
    const ends = call.need.transaction?.kind
    if (ends === 'commit' || ends === 'rollback') {
      this.#begin = undefined
      return this.#answer(ends.toUpperCase())
    }
    if (mayJoin(call.request, call.need)) return this.#openTogether(begin, call)
    await this.#openAlone(begin)
    return this.#stay(call)
  }

  async #openAlone(begin: Call): Promise<void> {
    try {
      await this.#choose(begin, { reads: false }, this.#toPrimary())
      this.#begin = undefined
    } catch (error) {
      throw this.#unbegun(error)
    }
  }

  /** One group: BEGIN, this statement, and what was given behind it without waiting. */
  async #openTogether(begin: Call, call: Call): Promise<Serving> {
    const members: Call[] = [call]
    try {
      const { ends, server } = await openTransaction({
        begin,
        members,
        guard: guardFor(this.#engine, this.#scope, begin.request, false),
        journey: this.#journey(call.request, false),
        attempts: this.#toPrimary(),
        carry: (wanted) => this.#turns.carry(wanted),
      })
      this.#begin = undefined
      const finals = await finishGroup(members, ends, this.#held)
      const begun = { request: begin.request, need: begin.need, open: true, standby: false, failed: false }
      this.#standing = nextStanding(this.#standing, begun)
      for (const [i, member] of members.entries()) this.#settle(member, ends[i]?.kind !== 'result')
      return answerAll(members, finals, this.#servedBy(server, 'primary', 'transaction', 1))
    } catch (error) {
      // Those that have been answered do not hear this.
      for (const each of members.slice(1)) each.fail(error)
      // A statement's own error, in a transaction that was open, or an end that nobody can tell.
      throw this.#begin === undefined ? error : this.#unbegun(error)
    }
  }

  /** Not pinned: the plan's servers in turn. */
  async #choose(call: Call, { reads }: Pick<StatementPlan, 'reads'>, attempts: readonly Attempt[]): Promise<Serving> {
    const { need, guard } = call
    const begins = need.transaction?.kind === 'begin'
    const serving = await walk<StatementResult, Serving>({
      ...this.#journey(call.request, reads),
      harmless: begins,
      attempts,
      run: (lease, attempt) =>
        this.#held.unlessBehind(this.#send(call, lease, this.#readOnly(begins, reads), trusts(attempt))),
      catchesUp: (behind) => (guard === undefined ? Promise.resolve(false) : guard.catchesUp(behind)),
      arrived: (result, arrival) => ({
        result,
        servedBy: { ...arrival, region: this.#engine.regionOf(arrival.server) },
      }),
    })
    this.#settle(call, false)
    return serving
  }

  #journey(request: Request, reads: boolean): HeldJourney {
    return heldJourney(this.#engine, this.#scope, this.#held, request, reads, this.#signal)
  }

  /** A statement on the connection that is held, with what its session wants to know. */
  #send({ request, need, guard }: Call, lease: Lease, readOnly: ReadOnly, trust: Trust): Promise<StatementResult> {
    const send = (rider?: Rider): Promise<StatementResult> =>
      runStatement(lease, request.config, readOnly, request.signal, rider)
    if (guard === undefined) return send()
    const sent = guard.run(lease, trust, send, takesRider(request, need))
    return commitsUnseen(request, need) ? sent.finally(() => guard.lookAway()) : sent
  }

  /** Once the primary was needed, this client stays with it: so its reads see its writes. */
  #heldFirst({ attempts, reads }: Omit<StatementPlan, 'need'>, guard?: Guard): readonly Attempt[] {
    const { lease } = this.#held
    const onPrimary = lease?.standby === false
    const ordered = reads && !onPrimary && guard !== undefined ? guard.order(attempts) : attempts
    if (lease === undefined || (lease.standby && !reads)) return ordered
    const planned = ordered.find(({ server, unproven }) => server === lease.server && unproven !== true)
    if (planned === undefined && lease.standby) return ordered
    const stays: Attempt = planned ?? { server: lease.server, reason: 'own-write' }
    const first = lease.standby || planned === ordered[0] ? stays : { ...stays, reason: 'own-write' as const }
    return [first, ...ordered.filter(({ server }) => server !== lease.server)]
  }

  #toPrimary(): readonly Attempt[] {
    return this.#heldFirst({ reads: false, attempts: planPrimary(this.#engine.topology, 'transaction') })
  }

  /** Pinned: the connection that is held, and no other. */
  async #stay(call: Call): Promise<Serving> {
    const lease = this.#held.here
    const open = this.#held.open
    try {
      return await this.#runHere(call)
    } catch (error) {
      if (isFatal(lease, error)) throw this.#lose(lease, call, open, error)
      throw error
    }
  }

  /** In a read-only transaction on a standby: what only the primary can answer moves the transaction there. */
  async #read(call: Call, standing: Extract<Standing, { kind: 'reading' }>): Promise<Serving> {
    const { request, need } = call
    const lease = this.#held.here
    if (standing.failed) return this.#stay(call)
    const elsewhere = need.class === 'write' || need.class === 'session'
    if (this.#scope.readOnly) return this.#stay(call)
    if (!standing.movable) {
      if (need.class === 'session') throw notHere(lease.server)
      const serving = await this.#stay(call)
      // It was not refused, so it writes nothing: what it says is this server's, and the primary's was wanted.
      if (need.class === 'write') throw notHere(lease.server)
      return serving
    }
    if (!elsewhere) {
      try {
        return await this.#runHere(call)
      } catch (error) {
        request.signal?.throwIfAborted()
        if (!isFatal(lease, error) && !isRefusedByRecovery(error)) throw error
        if (isFatal(lease, error)) this.#held.letGo(true)
      }
    }
    await this.#moveToPrimary(standing.begin)
    return this.#stay(call)
  }

  async #moveToPrimary(begin: Request): Promise<void> {
    await this.#held.rollBack()
    const attempts = planPrimary(this.#engine.topology, 'transaction')
    const { config, signal } = begin
    await this.#hold(config.text, attempts, signal, (lease) => runStatement(lease, config, 'none', signal))
    this.#standing = { kind: 'transaction', stateful: false, readOnly: true }
  }

  /** Takes a connection to the first of these that lets `run` succeed, which must have no effect by itself. */
  async #hold(
    text: string,
    attempts: readonly Attempt[],
    signal: AbortSignal | undefined,
    run: (lease: Lease) => Promise<unknown>,
  ): Promise<void> {
    await walk<unknown, void>({
      ...this.#journey({ config: { text }, signal }, false),
      readOnly: false,
      harmless: true,
      attempts,
      run,
      learn: () => undefined,
      arrived: () => undefined,
    })
  }

  async #runHere(call: Call): Promise<Serving> {
    const lease = this.#held.here
    const reason: RouteReason = this.#standing.kind === 'pinned' ? 'pinned' : 'transaction'
    const readOnly = this.#held.open ? 'none' : this.#readOnly(call.need.transaction?.kind === 'begin', false)
    try {
      const result = await this.#send(call, lease, readOnly, 'trust')
      this.#settle(call, false)
      return { result, servedBy: this.#servedBy(lease.server, lease.standby ? 'replica' : 'primary', reason, 1) }
    } catch (error) {
      this.#settle(call, isAnswer(error) || call.request.signal?.aborted === true)
      throw error
    }
  }

  #servedBy(server: string, role: ServedBy['role'], reason: RouteReason, attempts: number): ServedBy {
    return { server, region: this.#engine.regionOf(server), role, reason, attempts }
  }

  #settle({ request, need }: Call, refused: boolean): void {
    const standby = this.#held.lease?.standby === true
    this.#standing = nextStanding(this.#standing, { request, need, open: this.#held.open, standby, failed: refused })
  }

  #readOnly(begins: boolean, reads: boolean): ReadOnly {
    if (!this.#scope.readOnly) return 'none'
    if (begins) return 'begin'
    return reads ? 'read' : 'statement'
  }

  #lose(lease: Lease, { request, need }: Call, open: boolean, cause: unknown): NearestError {
    const { server, standby } = lease
    const readOnly = this.#standing.kind === 'transaction' && this.#standing.readOnly
    const error = lostConnection({
      text: request.config.text,
      need,
      server,
      error: cause,
      open,
      harmless: standby || readOnly,
    })
    if (this.#signal?.aborted !== true) this.#engine.report(server, cause, 'query')
    if (this.#held.lease === lease) this.#held.letGo(true)
    this.#standing = { kind: 'lost', error }
    return error
  }

  /** The BEGIN had been answered, and there is no transaction: nothing may run as if there were one. */
  #unbegun(error: unknown): unknown {
    this.#begin = undefined
    this.#standing = { kind: 'unbegun', error: notBegun(error) }
    return error
  }

  #throwIfLost(): void {
    if (this.#standing.kind === 'lost' || this.#standing.kind === 'unbegun') throw this.#standing.error
  }
}
