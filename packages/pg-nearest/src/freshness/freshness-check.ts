import type { Preference } from '../checkout/connection-preference.ts'
import type { Askable } from '../positions/known-positions.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import { introductionQuestion } from '../probe/probe-question.ts'
import { planPrimary, type Attempt } from '../route/plan-servers.ts'
import { shows, type Bookmark } from '../session/bookmark.ts'
import type { Consistency } from '../session/consistency.ts'
import type { SessionState } from '../session/session-state.ts'
import { isWriterGone, writeOrder } from '../server-selection/server-selection.ts'
import { PositionRecorder } from '../session-positions/position-recorder.ts'
import type { ReplicaBehindError } from '../session-positions/replica-behind-error.ts'
import { estimateOf, isUsualReadServer, primaryRttMsOf, rttMsOf } from './freshness-estimate.ts'
import { freshestMachines } from './freshest-machines.ts'
import { mayBeReplaced } from './may-be-replaced.ts'
import { FREE_GATE, type ClaimGate } from '../session-positions/external-bookmark-gate.ts'
import { concernedSessions } from '../session-positions/concerned-sessions.ts'
import type { FreshnessContext } from '../session-positions/freshness-context.ts'
import { orderByFreshness, type FreshnessEstimate } from './order-by-freshness.ts'
import { NO_REPLY, type PositionQuestions } from '../session-positions/position-question.ts'
import { requirementOf, settleByTime, type Requirement } from '../session-positions/freshness-requirement.ts'
import type { StatementEnding, Trust } from './statement-ending.ts'
import { waitBudgetMs, waitMs } from './wait-budget.ts'

/**
 * So many writes of a session must wait to be sent for one that is sent not to ask for its position: those that are sent last, behind its
 * answer, ask for all. Until then the session reads from the primary.
 */
const MANY_WRITES = 32

/**
 * What must be known ahead of a statement: nothing more, which machine it runs on, or its position, too. `never`: it cannot prove what
 * the statement must show.
 */
type Proof = 'given' | 'machine' | 'position' | 'never'

/**
 * Checks that one statement shows what its session must see, and records what it has shown. The position queries for this travel
 * with the statement, so they cost no round trip of their own.
 */
export class FreshnessCheck {
  readonly #context: FreshnessContext
  readonly #session: SessionState
  readonly #requirement: Requirement
  readonly #reads: boolean
  /** Made when it is needed, because it is not for most reads. */
  #recorder: PositionRecorder | undefined
  /** A position is wanted, and the server does not tell it. */
  #unpositioned = false
  /** A position is wanted, and later statements of the session ask for it. */
  #leftToOthers = false
  /** It was sent where the session reads without asking for positions. */
  #wasAtHome = false
  #isQueued = false
  #waited = false

  constructor(context: FreshnessContext, session: SessionState, consistency: Consistency, reads: boolean) {
    this.#context = context
    this.#session = session
    this.#reads = reads
    this.#settleHome()
    settleByTime(context, session)
    this.#requirement = reads ? requirementOf(context, session, consistency) : { bookmark: session.bookmark }
  }

  /** As of {@link PositionRecorder.behind}. */
  behind(server: string): ReplicaBehindError {
    return this.answers.behind(server)
  }

  get answers(): PositionRecorder {
    return (this.#recorder ??= new PositionRecorder(this.#context, this.#session, this.#requirement, this.#reads))
  }

  get #required(): Bookmark | undefined {
    return this.#requirement.bookmark
  }

  /** It is a write that waits to be sent. {@link unqueue} must be called when it does not any more. */
  queue(): void {
    this.#isQueued = true
    this.#session.queuedWrites++
  }

  /** Calling it again does nothing. */
  unqueue(): void {
    if (!this.#isQueued) return
    this.#isQueued = false
    this.#session.queuedWrites--
  }

  /** Emits `position-lost` for what was found lost in its session: to be called in the async context of the statement's caller. */
  emitLosses(): void {
    this.#session.losses.tell()
  }

  /** Orders the servers of a read by how likely they are to show what it must show. */
  order(attempts: readonly Attempt[]): readonly Attempt[] {
    return this.#againOnOthers(this.#ordered(attempts))
  }

  /** Where a name leads to several machines, another one may show what the first lacks. */
  #againOnOthers(attempts: readonly Attempt[]): readonly Attempt[] {
    const first = attempts[0]
    if (first === undefined || (this.#context.stateOf(first.server)?.members.length ?? 0) < 2) return attempts
    return [first, ...attempts]
  }

  #estimate(server: string): FreshnessEstimate {
    return estimateOf(this.#context, this.#session, this.#required, server)
  }

  /** Whether a server is known to show what the statement must show. */
  isShownBy(server: string): boolean {
    return this.#requirement.primary === undefined && this.#estimate(server) === 'shows'
  }

  #ordered(attempts: readonly Attempt[]): readonly Attempt[] {
    const { primary } = this.#requirement
    const first = attempts[0]
    const { topology, process, alone } = this.#context
    if (first === undefined || alone || (primary === undefined && this.#estimate(first.server) === 'shows'))
      return attempts
    const estimate = (server: string) => this.#estimate(server)
    const isPrimary = (server: string) => this.#isPrimary(server)
    const sure =
      primary === undefined ? orderByFreshness(attempts, estimate, isPrimary) : planPrimary(topology, primary)
    if (this.#session !== process || primary === 'strong') return sure
    // With the primary known to be gone, only servers that are sure to show it come before the unproven ones.
    const reachable = !isWriterGone(topology) ? sure : sure.filter(({ server }) => estimate(server) === 'shows')
    return [...reachable, ...attempts.map(({ server }): Attempt => ({ server, reason: 'unproven', unproven: true }))]
  }

  /**
   * Returns the position queries that must travel with a statement on this connection; `undefined` if none are needed, and a
   * `ReplicaBehindError` if the server is known to lack what the statement must show.
   *
   * @param inside - a query after the statement would run in an open transaction.
   * @param mayFollow - whether a query may be sent after the statement.
   */
  begin(
    lease: Lease,
    trust: Trust,
    inside: boolean,
    mayFollow: () => boolean,
  ): PositionQuestions | ReplicaBehindError | undefined {
    const { server, standby } = lease
    this.#unpositioned = this.#leftToOthers = this.#wasAtHome = false
    this.unqueue()
    const proves = this.#reads && standby && trust === 'prove'
    if (proves && this.#requirement.primary !== undefined) return this.behind(server)
    const state = this.#context.stateOf(server)
    const shared = proves && this.#isPooled(lease)
    const proof = proves ? this.#proofOf(lease, shared) : 'given'
    const askable = this.#askable(server)
    const tells = state?.machine !== undefined
    // Ahead of a statement nothing is asked that may fail.
    const mayAsk = proof === 'given' || (proof !== 'never' && askable === 'yes') || (proof === 'machine' && tells)
    if (!mayAsk) return this.behind(server)
    const isAtHome = isUsualReadServer(this.#context, this.#session, server)
    this.#wasAtHome = isAtHome
    const introduces = !lease.introduced && (tells || askable !== 'no')
    // Behind a BEGIN nothing can be asked; and connections that have not told their machine would count as led to one each.
    const mustTell = proves && introduces && !inside && !shared && !mayFollow()
    const before =
      proof !== 'given' ||
      mustTell ||
      (this.#reads &&
        !inside &&
        !standby &&
        trust === 'prove' &&
        this.#mayBeReplaced(server, lease.machine, !this.#context.alone))
    this.#leftToOthers = !this.#reads && !isAtHome && !inside && !introduces && this.#hasManyBehind
    if (this.#leftToOthers) return undefined
    const wanted = this.#session.blind || !isAtHome || (!standby && !this.#hasAll(server))
    const reveals = (wanted || (introduces && !before)) && mayFollow()
    if (!before && !reveals) return undefined
    const { positions } = this.#context
    this.#unpositioned = reveals && askable === 'no'
    const after = reveals && (askable !== 'no' || introduces || shared)
    if (!before && !after) return undefined
    const isStranger = (askable !== 'no' && positions.isStranger(server)) || this.#isNews(lease, askable)
    const asksWho = introduces || shared || lease.pooled || isStranger
    const introduction = asksWho ? introductionQuestion(state?.refused ?? []) : undefined
    const sentAt = performance.now()
    const ofPrimary = !standby
    const answerBefore = NO_REPLY
    const answerAfter = NO_REPLY
    return { before, after, inside, shared, ofPrimary, introduction, sentAt, answerBefore, answerAfter }
  }

  /** The query before the statement was answered. Returns a `ReplicaBehindError` if the server lacks what the statement must show. */
  arrived(lease: Lease, questions: PositionQuestions, mayHaveWritten = false): ReplicaBehindError | undefined {
    return this.answers.before(lease, questions, mayHaveWritten)
  }

  /**
   * The statement has ended: records the answers to its position queries. Returns a `ReplicaBehindError` if the server lacked what the
   * statement had to show; the answers are then ignored.
   */
  end(lease: Lease, { trust, questions, outcome, ...ending }: StatementEnding): ReplicaBehindError | undefined {
    const mayHaveWritten = !this.#reads || ending.mayHaveWritten
    if (outcome === 'answered' && lease.alive) this.#context.noteServed(lease)
    const done = outcome !== 'refused'
    const machine = questions === undefined ? lease.identity : this.answers.introduce(lease, questions)
    const { server } = lease
    if (mayHaveWritten) this.#session.noteWrite()
    if (questions?.after === true && !this.#unpositioned) {
      if (questions.answerAfter.position !== 'refused') {
        return this.answers.after(lease, questions, { proves: trust === 'prove', done, mayHaveWritten })
      }
      this.#context.positions.noteRefusal(server)
      this.#unpositioned = true
    }
    if (this.#leftToOthers) this.markUnknown()
    else if (isUsualReadServer(this.#context, this.#session, server)) {
      this.#useHome(server, machine, trust === 'prove')
      // Written on a server that was promoted since: the process goes on reading there, and its other pools do not.
      if (mayHaveWritten && !lease.standby) this.#context.process?.tellPeersUnknown(performance.now())
    } else if (this.#unpositioned) this.#noteUnpositioned(lease, machine, done, mayHaveWritten)
    else if (this.#wasAtHome && !mayHaveWritten) this.#useHome(server, machine)
    else if (this.#wasAtHome) this.markUnknown()
    else if (!done && !this.#reads) this.markUnknown()
    return undefined
  }

  /** It has shown or written something at a position that its server does not tell. */
  #noteUnpositioned({ server, standby }: Lease, machine: string, done: boolean, mayHaveWritten: boolean): void {
    if (mayHaveWritten) this.markUnknown()
    else if (!standby) this.#session.markUnknown(performance.now())
    else if (done) this.#useHome(server, machine)
  }

  get #hasManyBehind(): boolean {
    return this.#session.queuedWrites >= MANY_WRITES && this.#context.eachWriteAsks !== true
  }

  #useHome(server: string, machine: string, isProven = true): void {
    const epoch = this.#context.positions.epochOf(server)
    this.#session.useHome(server, machine, epoch, performance.now(), isProven)
  }

  get concerned(): readonly SessionState[] {
    return concernedSessions(this.#context, this.#session)
  }

  /** Something may have been written at a position that is not known: the session's reads go to the primary until it has answered. */
  markUnknown(): void {
    this.#session.noteWrite()
    for (const session of this.concerned) session.markUnknown(performance.now())
  }

  /** Something begins that may write at unknown positions. Returns a function to call at its end; calling it again does nothing. */
  beginUnsettled(): () => void {
    const ends = this.concerned.map((session) => session.beginUnsettled())
    return () => {
      for (const end of ends) end(performance.now())
    }
  }

  /**
   * Something begins to show what its server has, until it ends. Returns a function to call once its position is known; calling it again
   * does nothing.
   */
  beginShowing({ server, machine, standby }: Lease): () => void {
    const { home } = this.#session
    const isUsual = standby || isUsualReadServer(this.#context, this.#session, server)
    const isHome = home === undefined || (home.server === server && home.machine === machine)
    if (machine === undefined || !isUsual || !isHome) return this.#session.beginShowing()
    // There it never goes backwards, so that reads beside it need not ask the primary.
    this.#useHome(server, machine)
    return () => this.#settleHome()
  }

  #settleHome(): void {
    this.#session.settleHome(this.#context.positions, performance.now(), writeOrder(this.#context.topology)[0]?.name)
  }

  /** Waits for a server that is behind, for a small part of the time to the primary. Returns whether it has caught up. Waits once only. */
  async waitToCatchUp({ server, missing }: ReplicaBehindError): Promise<boolean> {
    if (missing === undefined || this.#waited) return false
    this.#waited = true
    const { positions } = this.#context
    const budgetMs = waitBudgetMs(primaryRttMsOf(this.#context), rttMsOf(this.#context, server))
    const ms = waitMs(budgetMs, missing.bytes, positions.paceOf(server, missing.machine))
    return ms > 0 && this.#context.reached(server, missing.lsn, ms)
  }

  /**
   * To be asked before it is sent. Holds it back from a primary that may be replaced, where it may write whatever its text says; and a read
   * whose session's bookmark came from outside, and is not known here.
   */
  enterPrimary(server: string): ClaimGate {
    const { claims } = this.#context
    if (this.keepsFrom(server)) return claims.ask(server, (answer) => this.answers.settleTimeline(server, answer))
    if (!this.isClaimed(server)) return FREE_GATE
    return claims.enter(server, (answer) => this.answers.settleClaim(server, answer))
  }

  /** The same for a BEGIN that reads, behind which no position can be asked for: the primary must be known to be on the claim's timeline. */
  enterPrimaryToBegin(server: string): ClaimGate {
    const { claim } = this.#session
    const { claims, positions } = this.#context
    const isUnknown = claim && this.isClaimed(server) && shows(positions.of(server), claim, positions) === 'unknown'
    if (isUnknown !== true) return this.enterPrimary(server)
    return claims.ask(server, (answer) => this.answers.settleClaim(server, answer))
  }

  /** It is a primary that may be replaced, as far as its session knows. `countsHeard`: by what only other pools have told of, too. */
  keepsFrom(server: string, countsHeard = false): boolean {
    return !this.#context.alone && this.#isPrimary(server) && this.#mayBeReplaced(server, undefined, countsHeard)
  }

  /** The server is a primary, and the session's claim is open: a read there is held back until it is settled. */
  isClaimed(server: string): boolean {
    const { claim, unreadable } = this.#session
    if (claim === undefined && !unreadable) return false
    const { positions } = this.#context
    if (!this.#reads || !this.#isPrimary(server)) return false
    // A primary that tells no position cannot settle it, and shows everything that it has.
    if (positions.askable(server) === 'no') return false
    if (unreadable || claim === undefined || shows(positions.of(server), claim, positions) !== 'yes') return true
    this.#session.confirm()
    return false
  }

  /** It reads there by the word of a client that nobody vouches for, who may make many do so: whoever else needs the primary goes first. */
  givesWay(server: string): boolean {
    return this.#reads && !this.#session.trusted && this.#isPrimary(server)
  }

  #isPrimary(server: string): boolean {
    return writeOrder(this.#context.topology).some(({ name }) => name === server)
  }

  /** What must be asked ahead of the statement. What was seen before this connection was made may have been lost in a restart. */
  #proofOf(lease: Lease, shared: boolean): Proof {
    const { server, machine, connectedAt } = lease
    const { home } = this.#session
    const { positions } = this.#context
    if (home !== undefined) {
      // Reads from the usual server left no position, so no other machine can prove to show the same.
      if (home.server !== server || home.epoch !== positions.epochOf(server)) return 'never'
      if (shared || !lease.introduced) return this.#required === undefined ? 'machine' : 'position'
      if (home.machine !== lease.identity) return 'never'
    }
    if (this.#required === undefined) return 'given'
    if (shared) return 'position'
    const known = machine === undefined ? undefined : positions.at(server, machine)
    const showing = shows(known, this.#required, positions)
    if (showing === 'older' || showing === 'lost' || showing === 'foreign') return 'never'
    return showing === 'yes' && known !== undefined && known.at >= connectedAt ? 'given' : 'position'
  }

  #mayBeReplaced(server: string, machine: string | undefined, countsHeard: boolean): boolean {
    const required = this.#reads ? this.#requirement : undefined
    return mayBeReplaced(this.#context, this.#session, { required, server, machine, countsHeard })
  }

  /** Behind a pooler nothing tells by itself that it is a standby since: it is to be asked for its role along with what shows something. */
  mayBeMisled(lease: Lease, trust: Trust): boolean {
    if (trust === 'trust' || lease.standby || !this.#isPooled(lease)) return false
    const { bookmark, primary } = this.#requirement
    const { home, blind } = this.#session
    return bookmark !== undefined || primary !== undefined || home !== undefined || blind
  }

  /** Each transaction may run on another machine, as the connection has told, or a probe. */
  #isPooled({ pooled, server }: Lease): boolean {
    return pooled || this.#context.stateOf(server)?.pooled === true
  }

  #askable(server: string): Askable {
    return this.#context.positions.askable(server)
  }

  /** The machine has introduced itself, and what it told was forgotten, or was not complete. */
  #isNews({ server, machine }: Lease, askable: Askable): boolean {
    if (askable === 'no' || machine === undefined) return false
    return this.#context.positions.at(server, machine)?.timeline === undefined
  }

  /** Which of the machines behind a name are the best to ask; `undefined`: there is only one, or all are equal. */
  prefers(server: string): Preference | undefined {
    const { members = [] } = this.#context.stateOf(server) ?? {}
    if (members.length < 2 || !this.#reads) return undefined
    const { home } = this.#session
    if (home?.server === server) return { suits: (machine) => machine === home.machine, insists: true }
    return this.#required === undefined
      ? undefined
      : freshestMachines(this.#context, server, this.#required, performance.now())
  }

  /** As far as is known, this primary has everything that the session must see. */
  #hasAll(server: string): boolean {
    const { positions } = this.#context
    return this.#required === undefined || shows(positions.of(server), this.#required, positions) === 'yes'
  }
}
