import type { Lease } from '../connections/lease.ts'
import { planPrimary, type Attempt } from '../route/plan.ts'
import { shows, type Bookmark } from '../session/bookmark.ts'
import type { Consistency } from '../session/consistency.ts'
import type { SessionState } from '../session/session-state.ts'
import { isWriterGone, writeOrder } from '../topology/server-selection.ts'
import { PositionRecorder } from './position-recorder.ts'
import { BehindError } from './behind-error.ts'
import { estimateOf, isHome, primaryRttMsOf, rttMsOf } from './freshness-estimate.ts'
import type { FreshnessContext } from './freshness-context.ts'
import { orderByFreshness } from './order-by-freshness.ts'
import type { PositionQuestions } from './position-question.ts'
import { requirementOf, type Requirement } from './freshness-requirement.ts'
import { waitBudgetMs, waitMs } from './wait-budget.ts'

/** `trust`: it runs there whatever that server shows: it is pinned, or nobody else is left. */
export type Trust = 'prove' | 'trust'

export function trusts({ unproven }: Attempt): Trust {
  return unproven === true ? 'trust' : 'prove'
}

/**
 * What one statement of a session must show, from the moment it begins; and what it has shown, once it has ended. Its
 * questions travel with the statement, so it costs no trip of its own.
 */
export class FreshnessCheck {
  readonly #context: FreshnessContext
  readonly #session: SessionState
  readonly #requirement: Requirement
  readonly #reads: boolean
  readonly #answers: PositionRecorder
  #waited = false

  constructor(context: FreshnessContext, session: SessionState, consistency: Consistency, reads: boolean) {
    this.#context = context
    this.#session = session
    this.#reads = reads
    if (session.home !== undefined) session.settleHome(context.positions.of(session.home.server))
    this.#requirement = reads ? requirementOf(context, session, consistency) : { bookmark: session.bookmark }
    this.#answers = new PositionRecorder(context, session, this.#requirement.bookmark, reads)
  }

  get #required(): Bookmark | undefined {
    return this.#requirement.bookmark
  }

  /** The planned servers of a read, in the order that suits what it must show. */
  order(attempts: readonly Attempt[]): readonly Attempt[] {
    const { topology, process } = this.#context
    const { primary } = this.#requirement
    const estimate = (server: string) => estimateOf(this.#context, this.#session, this.#required, server)
    const [first] = attempts
    if (first === undefined || (primary === undefined && estimate(first.server) === 'shows')) return attempts
    const sure = primary === undefined ? orderByFreshness(attempts, estimate) : planPrimary(topology, primary)
    if (this.#session !== process || primary === 'strong') return sure
    // With the primary known to be gone, only servers that surely show it are worth a try before the unproven ones.
    const reachable = !isWriterGone(topology) ? sure : sure.filter(({ server }) => estimate(server) === 'shows')
    return [...reachable, ...attempts.map(({ server }): Attempt => ({ server, reason: 'unproven', unproven: true }))]
  }

  /**
   * The questions that a statement must take along on this connection: none where everything is known. A `BehindError` if the
   * server is known not to show what it must.
   *
   * @param mayFollow - whether a question may be sent behind it.
   */
  begin(lease: Lease, trust: Trust, mayFollow = true): PositionQuestions | BehindError | undefined {
    const { server, standby, connectedAt } = lease
    const proves = this.#reads && standby && trust === 'prove'
    if (proves && this.#requirement.primary !== undefined) return new BehindError(server)
    const proven = proves ? this.#isProven(server, connectedAt) : true
    if (proven === 'never') return new BehindError(server)
    const isAtHome = isHome(this.#context, this.#session, server)
    const behind = mayFollow && (this.#session.blind || !isAtHome || (!standby && !this.#hasAll(server)))
    if (proven && !behind) return undefined
    const stranger = this.#context.positions.of(server)?.systemIdentifier === undefined
    const sentAt = performance.now()
    return { ahead: !proven, behind, stranger, sentAt, answerAhead: undefined, answerBehind: undefined }
  }

  /** The question ahead was answered: a `BehindError` if the server does not show what it must. */
  arrived(lease: Lease, questions: PositionQuestions): BehindError | undefined {
    return this.#answers.ahead(lease, questions)
  }

  /**
   * The server has ended the statement: takes in what its questions brought along. A `BehindError` if the server did not show what
   * it must; nothing of what it said counts then. `done`: it was not refused.
   */
  end(lease: Lease, trust: Trust, questions: PositionQuestions | undefined, done: boolean): BehindError | undefined {
    if (questions?.behind === true) return this.#answers.behind(lease, questions, trust === 'prove', done)
    if (isHome(this.#context, this.#session, lease.server)) {
      const epoch = this.#context.positions.epochOf(lease.server)
      this.#session.useHome(lease.server, epoch, performance.now())
    } else if (!done && !this.#reads) this.markUnknown()
    return undefined
  }

  /** Something was written, or may have been, through a channel that says nothing of positions. */
  markUnknown(): void {
    const now = performance.now()
    for (const session of this.#sessions()) session.markUnknown(now)
  }

  /**
   * Something begins that says nothing of positions and may write until it has ended. Returns what says that it has; once more does
   * nothing.
   */
  beginUnsettled(): () => void {
    const ends = this.#sessions().map((session) => session.beginUnsettled())
    return () => {
      const now = performance.now()
      for (const end of ends) end(now)
    }
  }

  /** What is written in a session of its own is written in this process, too. */
  #sessions(): readonly SessionState[] {
    const { process } = this.#context
    return process === undefined || process === this.#session ? [this.#session] : [this.#session, process]
  }

  /** Whether it is worth asking the same server again: waits as long as that costs next to nothing. Only once. */
  async catchesUp({ server, missing }: BehindError): Promise<boolean> {
    if (missing === undefined || this.#waited) return false
    this.#waited = true
    const { positions } = this.#context
    const budgetMs = waitBudgetMs(primaryRttMsOf(this.#context), rttMsOf(this.#context, server))
    const ms = waitMs(budgetMs, missing.bytes, positions.paceOf(server))
    return ms > 0 && this.#context.reached(server, missing.lsn, ms)
  }

  /**
   * A read of a session that began with a bookmark which nobody here knows is about to ask the primary. Resolves when it may, with
   * what must be called once it has; or with `undefined` when the primary was asked meanwhile, so that the read is to be planned
   * anew. `undefined` at once (and not a promise) where there is no such bookmark.
   */
  confirmClaim(server: string): Promise<(() => void) | undefined> | undefined {
    const { claim } = this.#session
    const { topology, positions, claims } = this.#context
    if (claim === undefined || !this.#reads || !writeOrder(topology).some(({ name }) => name === server)) return undefined
    if (shows(positions.of(server), claim, positions) === 'yes') {
      this.#session.confirm()
      return undefined
    }
    if (claims.enter()) return Promise.resolve(() => claims.leave())
    return claims.asked(server).then(() => {
      this.#answers.settleClaim(server, claim)
      return undefined
    })
  }

  /** Whether this connection's server was seen to show it, since the connection was made: it never goes backwards. */
  #isProven(server: string, connectedAt: number): boolean | 'never' {
    const { home } = this.#session
    const { positions } = this.#context
    // What was read at home needs no proof there; anywhere else nobody knows what to prove.
    if (home !== undefined && (home.server !== server || home.epoch !== positions.epochOf(server))) return 'never'
    if (this.#required === undefined) return true
    const known = positions.of(server)
    const showing = shows(known, this.#required, positions)
    if (showing === 'older' || showing === 'lost' || showing === 'foreign') return 'never'
    return showing === 'yes' && known !== undefined && known.at >= connectedAt
  }

  /** This primary has it all, as far as is known: a promotion has lost nothing of it. */
  #hasAll(server: string): boolean {
    const { positions } = this.#context
    return this.#required === undefined || shows(positions.of(server), this.#required, positions) === 'yes'
  }
}

