import type pg from 'pg'
import { ownSession, type Engine, type Scope } from '../execute/engine-interface.ts'
import { executeStatement } from '../execute/execute-statement.ts'
import { translateReadOnlyError } from '../execute/translate-read-only-error.ts'
import type { PoolQueryExecution } from '../execute/pool-query-execution.ts'
import { notSentError } from '../failures/read-only-mode-errors.ts'
import { onAbort } from '../limits/on-abort.ts'
import { planPrimary, type Attempt } from '../route/plan-servers.ts'
import { planStatement } from '../route/plan-statement.ts'
import type { Request } from '../route/request.ts'
import { callerNow } from '../tracers/caller-context.ts'
import { watchForEarlyClose } from '../cursor/pg-cursor-workarounds.ts'
import type { StatementResult } from '../wire/exchange.ts'
import { noteParsed, noteUnsent } from '../prepared-statements/parsed-names.ts'
import { commandOf, emptyResult, isDeferrable } from '../client-transaction/synthetic-results.ts'
import { beginAnywhere, readsOnly } from '../client-transaction/begin-read-only-anywhere.ts'
import { runUnpinned, heldServerFirst, attemptsOnPrimary } from '../client-execution/run-unpinned.ts'
import { ClientContext, type ClientLimits } from '../client-state/client-context.ts'
import { notBegunError } from '../failures/transaction-errors.ts'
import { FREE } from '../client-state/client-state-machine.ts'
import { readByCursor } from '../submittable/route-reading-cursor.ts'
import { readsAnywhere, runSubmittable } from '../submittable/run-submittable.ts'
import { ClientAcquisition } from '../client-execution/acquire-lease-or-lane.ts'
import { HeldConnection, type Holder } from '../client-state/held-connection.ts'
import { openTransaction } from '../client-transaction/pipelined-begin.ts'
import { mayJoinBegin } from '../client-transaction/pipelining-eligibility.ts'
import type { Mode } from '../modes/pool-mode.ts'
import { sentNow, type QueuedStatement, type Serving, type Waiting } from '../client-state/queued-statement.ts'
import { readInTransaction, runInTransaction } from '../client-transaction/read-only-transaction-failover.ts'
import type { SubmittableLimit } from '../submittable/submittable-limit.ts'
import { joinSignals } from '../limits/joined-signal.ts'
import { watchLeftOpenStream } from '../submittable/idle-stream-commit-timeout.ts'
import { limitTimeInQueue, placeInQueue } from '../client-execution/limit-time-in-queue.ts'
import { NamedTexts } from '../prepared-statements/named-texts.ts'
import { PendingStatement, type StatementWay } from './pending-statement.ts'
import { StatementQueue, type Turn } from '../client-execution/statement-queue.ts'
import { mayMultiplex } from '../client-execution/multiplexing-eligibility.ts'
import { runPinnedOrLose } from '../client-execution/run-pinned.ts'
import { takeConnection } from '../client-execution/take-connection.ts'
import { guardStatement } from '../client-execution/call-write-guard.ts'

/** How long a released client waits for a cursor that was left open. */
const OPEN_CURSOR_MS = 1_000
/** A cursor, a stream or a COPY, which has no time of its own. */
const UNTIMED = { givenAt: 0, queryTimeoutMs: undefined, fail: () => undefined }

/**
 * Runs the statements of one borrowed client in the order in which they are given. A client holds at most one connection, so two
 * clients can never wait for each other's.
 *
 * A BEGIN for the primary is answered at once and sent with the first statement, together with those that are given before that one
 * is answered.
 */
export class ClientExecutor {
  readonly #acquisition: ClientAcquisition
  readonly #client: ClientContext
  readonly #queue: StatementQueue<QueuedStatement & Turn>
  readonly #forgetAbort: (() => void) | undefined
  #names: NamedTexts | undefined
  /** What runs as one of the pool's. */
  #read: PoolQueryExecution | undefined

  constructor(engine: Engine, scope: Scope, holder: Holder, limits: ClientLimits) {
    this.#acquisition = new ClientAcquisition(engine)
    const held = new HeldConnection(this.#acquisition, holder)
    this.#client = new ClientContext(engine, scope, held, limits)
    this.#queue = new StatementQueue(
      () => this.#client.state.kind === 'transaction' && held.lease?.standby === false && held.lease.mayFollow,
    )
    const { signal } = limits
    if (signal !== undefined) this.#forgetAbort = onAbort(signal, () => this.#abort(signal.reason))
  }

  /** Made when it is needed, because it is not for most clients. */
  get names(): NamedTexts {
    return (this.#names ??= new NamedTexts())
  }

  /** The client of the connection that is held now. */
  get client(): pg.PoolClient | undefined {
    return this.#client.held.lease?.client
  }

  /** As PostgreSQL says it: `I`, `T` or `E`. */
  get transactionStatus(): string {
    return this.#client.begin === undefined ? (this.#client.held.lease?.status ?? 'I') : 'T'
  }

  /** The server that a connection was last taken to. */
  get lastServer(): string | undefined {
    return this.#client.held.lastServer
  }

  /** The mode of now, which a transaction that is open may not be in. */
  get mode(): Mode {
    const { engine, scope } = this.#client
    return engine.modes.uniform ?? engine.modes.of(ownSession(engine, scope))
  }

  /** For an error about the time of what it runs. */
  get waitingFor(): string | undefined {
    const { lease, lastServer } = this.#client.held
    if (this.#read !== undefined) return this.#read.waitingFor
    if (this.#client.rider?.rides === true) return `for an answer of ${lastServer}`
    if (lease === undefined) return lastServer && `for a connection to ${lastServer}`
    return lease.quiet ? undefined : `for an answer of ${lease.server}`
  }

  /** Takes a connection to the primary now, instead of with the first statement. */
  async open(): Promise<pg.PoolClient> {
    const client = this.#client
    client.held.stay()
    const limits = { signal: client.signal, timeoutMs: undefined }
    await takeConnection(client, '', attemptsOnPrimary(client), () => limits)
    // With `max: 1` a statement of the pool may have begun it.
    if (client.held.open) client.become({ kind: 'transaction', stateful: false, readOnly: false })
    return client.held.here.client
  }

  run(request: Request): Promise<StatementResult> {
    if (this.#queue.isIdle && mayMultiplex(this.#client, request)) return this.#readAsPool(request)
    return new Promise((resolve, reject) => this.give(request, resolve, reject))
  }

  #readAsPool(request: Request): Promise<StatementResult> {
    const leave = this.#queue.occupy()
    const ended = (): void => {
      this.#read = undefined
      leave()
    }
    const { engine, scope } = this.#client
    return executeStatement(engine, scope, request, ended, (execution) => (this.#read = execution))
  }

  /** Like `run`, but with callbacks: one is called once, in the same tick in which the statement ends. */
  give(request: Request, resolve: (result: StatementResult) => void, reject: (error: unknown) => void): void {
    const way = request.config.name === undefined ? this.#wayOfUnnamed(request) : this.#wayOfNamed(request)
    const statement = new PendingStatement(this.#client, request, { resolve, reject }, way)
    this.#queue.add(statement)
    limitTimeInQueue(this.#queue, statement, this.#client)
  }

  #wayOfUnnamed(request: Request): StatementWay {
    return {
      route: (statement) => {
        statement.become(request)
        return this.#route(statement)
      },
    }
  }

  #wayOfNamed(request: Request): StatementWay {
    return {
      route: async (statement) => {
        statement.become(this.#inTurn(request))
        const serving = await this.#route(statement)
        // Where a pooler has something else under its name, or it was given as COMMIT, it has run without one.
        if (statement.request.config.name !== undefined) noteParsed(request.config, true)
        return serving
      },
      onOver: (isUnsent) => {
        if (isUnsent) noteUnsent(request.config)
        this.names.ended(request)
      },
    }
  }

  /**
   * Runs a cursor, a stream or a COPY. Resolves when it has ended; its own callbacks tell how.
   *
   * @param types - the client's own type parsers, if it has any.
   */
  submit(
    query: pg.Submittable,
    types: pg.CustomTypesConfig | undefined,
    limit: SubmittableLimit | undefined,
  ): Promise<void> {
    const isGivenUp = watchForEarlyClose(query)
    const caller = callerNow()
    const { engine, scope } = this.#client
    const guard = engine.writeGuard()
    const own = ownSession(engine, scope)
    const consistency = engine.currentConsistency()
    const { signal, forget } = joinSignals(this.#client.signal, limit?.signal)
    const given = { types, isGivenUp, own, caller, limit, signal }
    const ended = new Promise<void>((resolve, reject) => {
      const run = async (): Promise<void> => {
        const client = this.#client
        client.throwIfLost()
        client.followMode(own)
        if (readsAnywhere(client, query)) return readByCursor(client, query, { ...given, guard, consistency })
        try {
          if (client.mayWrite) guard?.({ writes: true })
          if (client.begin !== undefined) await this.#openAlone(client.begin, { ...UNTIMED, signal })
          await runSubmittable(client, query, given)
        } catch (error) {
          client.noteUnsent()
          throw error
        }
      }
      const start = (): Promise<() => void> =>
        run().then(
          () => resolve,
          (error: unknown) => () =>
            reject(translateReadOnlyError(this.#client.scope, own, error, this.#client.neverWrites)),
        )
      const place = placeInQueue({ signal: this.#client.signal, own, guard, fail: reject }, limit?.signal)
      const turn = { ...place, pipelined: false, followable: false, start }
      this.#queue.add(turn)
      limitTimeInQueue(this.#queue, turn, this.#client)
    })
    return limit === undefined ? ended : ended.finally(forget)
  }

  /**
   * Returns the connection once all statements have ended, and calls back. Inside of a transaction, or with a cursor left open, the
   * connection is closed instead. With an error it is closed at once, as in pg, whatever runs on it.
   */
  release(error: Error | boolean | undefined, onReleased: () => void): void {
    const { held } = this.#client
    if (error) {
      const terminated = new Error('Connection terminated')
      this.#client.become({ kind: 'lost', error: terminated })
      if (held.lease?.quiet === false && !held.isShared) held.lease.kill(terminated)
      this.#acquisition.abandon(terminated)
      this.#client.rider?.abandon(terminated)
      this.#read?.abandon(terminated)
    }
    const leftOpen = this.#queue.isIdle
      ? undefined
      : setTimeout(() => this.endStream(new Error('The client was released')), OPEN_CURSOR_MS)
    this.#queue.whenIdle(() => {
      clearTimeout(leftOpen)
      this.#forgetAbort?.()
      this.#client.begin = undefined
      held.letGo(error)
      this.#client.reset()
      onReleased()
    })
  }

  /** Closes the connection if a cursor, a stream or a COPY is using it. */
  endStream(why: Error): void {
    const { lease } = this.#client.held
    if (lease?.occupied !== true) return
    this.#client.become({ kind: 'lost', error: why })
    lease.kill(why)
  }

  /** Closes the connection when what is using it has been left open: see {@link watchLeftOpenStream}. Returns what ends the watch. */
  endLeftOpenStream(): () => void {
    return watchLeftOpenStream(this.#client.held, (error) => this.endStream(error))
  }

  /** Cancels what runs and closes the connection, which rolls back an open transaction. */
  #abort(reason: unknown): void {
    const { held } = this.#client
    this.#client.begin = undefined
    this.#client.become({ kind: 'lost', error: reason })
    const { lease } = held
    if (lease === undefined) return
    // A running statement listens to the signal itself.
    if (lease.quiet) lease.kill(reason)
  }

  async #route(statement: QueuedStatement): Promise<Serving> {
    const client = this.#client
    if (client.state.kind === 'unbegun' && statement.need.transaction?.kind === 'rollback') {
      client.become(FREE)
      return this.#answer('ROLLBACK')
    }
    try {
      client.throwIfLost(statement)
      this.#admit(statement)
    } catch (error) {
      noteUnsent(statement.request.config)
      throw error
    }
    if (client.begin !== undefined) return this.#openWith(client.begin, statement)
    switch (client.state.kind) {
      case 'free':
        return this.#chooseOrDefer(statement)
      case 'reading':
        return readInTransaction(client, statement, client.state)
      default:
        return runPinnedOrLose(client, statement)
    }
  }

  /** @throws what keeps it from being sent. */
  #admit(statement: QueuedStatement): void {
    const client = this.#client
    try {
      statement.signal?.throwIfAborted()
      client.followMode(statement.own)
      this.#passGuard(statement)
    } catch (error) {
      client.noteUnsent()
      throw error
    }
  }

  /** @throws what keeps it from being sent. */
  #inTurn(request: Request): Request {
    try {
      return this.names.inTurn(request)
    } catch (error) {
      this.#client.noteUnsent()
      throw error
    }
  }

  #passGuard(statement: QueuedStatement): void {
    if (statement.guard === undefined) return
    const client = this.#client
    try {
      guardStatement(client, statement, statement.guard)
    } catch (error) {
      // Its ROLLBACK needs no server.
      const begins = client.state.kind === 'free' && statement.need.transaction?.kind === 'begin'
      throw begins || client.begin !== undefined ? this.#unbegun(error) : error
    }
  }

  async #chooseOrDefer(statement: QueuedStatement): Promise<Serving> {
    const client = this.#client
    const plan = planStatement(client.engine, client.scope, statement.request, (need) => client.remembers(need))
    if (plan.refused) throw notSentError()
    // What is set stays where the client is.
    const leaves = plan.reads && (client.isOnStandby || !client.remembers(plan.need))
    const attempts = heldServerFirst(client, { ...plan, reads: leaves }, statement.check)
    const [first] = attempts
    if (first === undefined || !this.#mayDefer(statement, first)) {
      return runUnpinned(client, statement, plan.reads, attempts)
    }
    client.begin = statement
    return this.#answer(commandOf(statement.request.config))
  }

  /** Answers a statement without asking the server. */
  #answer(command: string): Serving {
    const [first] = planPrimary(this.#client.engine.topology, 'transaction')
    const servedBy = this.#client.servedBy(first?.server ?? '', 'primary', 'transaction', 0)
    return { result: emptyResult(command), servedBy }
  }

  /** Whether a BEGIN can be answered now and sent later: only if it goes to the primary, where it cannot fail or be held back. */
  #mayDefer({ request, need, check }: QueuedStatement, { server }: Attempt): boolean {
    const { scope, neverWrites, engine } = this.#client
    if (need.transaction?.kind !== 'begin' || scope.readOnly || request.signal !== undefined) return false
    if (neverWrites && !need.transaction.readOnly) return false
    if (check?.isClaimed(server) === true || check?.keepsFrom(server, need.transaction.readOnly) === true) return false
    const primaries = planPrimary(engine.topology, 'transaction')
    return isDeferrable(request.config) && primaries.some((attempt) => attempt.server === server)
  }

  /** Runs the first statement behind a BEGIN that has not been sent. */
  async #openWith(begin: QueuedStatement, statement: QueuedStatement): Promise<Serving> {
    const ends = statement.need.transaction?.kind
    if (ends === 'commit' || ends === 'rollback') {
      this.#client.begin = undefined
      return this.#answer(ends.toUpperCase())
    }
    if (!mayJoinBegin(statement.request, statement.need)) {
      await this.#openAlone(begin, statement)
      return runInTransaction(this.#client, statement)
    }
    try {
      return await openTransaction(this.#client, begin, statement, (wanted) => this.#queue.takeNext(wanted))
    } catch (error) {
      // Without a pending BEGIN it is the statement's own error, or its outcome is unknown.
      throw this.#client.begin === undefined ? error : this.#unbegun(error)
    }
  }

  async #openAlone(begin: QueuedStatement, waiting: Waiting): Promise<void> {
    const { request, need, check } = begin
    try {
      if (readsOnly(begin)) return await beginAnywhere(this.#client, begin, request, waiting)
      const begun = sentNow(begin, { request, need, check }, waiting)
      await runUnpinned(this.#client, begun, false, attemptsOnPrimary(this.#client))
      this.#client.begin = undefined
    } catch (error) {
      throw this.#unbegun(error)
    }
  }

  /**
   * A BEGIN that had been answered was not begun, so that until ROLLBACK nothing may run; or it was, and what came with it was cut off.
   */
  #unbegun(error: unknown): unknown {
    const client = this.#client
    const { begin, held } = client
    client.begin = undefined
    if (begin !== undefined && held.open) client.settle(begin, true, true)
    else client.become({ kind: 'unbegun', error: notBegunError(error) })
    return error
  }
}
