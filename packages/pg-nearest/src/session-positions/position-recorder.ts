import type { Lease } from '../pooled-connection/lease.ts'
import { certainBookmark, shows, type Bookmark } from '../session/bookmark.ts'
import { isOnlyHeard } from '../session/heard-position.ts'
import type { LostPosition } from '../session/lost-position.ts'
import type { SessionState } from '../session/session-state.ts'
import { formatLsn } from '../topology/lsn.ts'
import type { ClaimOutcome, PrimaryAnswer } from './external-bookmark-gate.ts'
import { ReplicaBehindError } from './replica-behind-error.ts'
import { concernedSessions } from './concerned-sessions.ts'
import type { FreshnessContext } from './freshness-context.ts'
import type { KnownPosition, Seen } from '../positions/known-positions.ts'
import type { PositionAnswer, PositionQuestions, PositionReply } from './position-question.ts'
import { expectedOfPrimary, type Requirement } from './freshness-requirement.ts'

/** Records the positions that servers report with one statement, for its session and for this process. */
export class PositionRecorder {
  readonly #context: FreshnessContext
  readonly #session: SessionState
  readonly #requirement: Requirement
  readonly #reads: boolean

  constructor(context: FreshnessContext, session: SessionState, requirement: Requirement, reads: boolean) {
    this.#context = context
    this.#session = session
    this.#requirement = requirement
    this.#reads = reads
  }

  get #required(): Bookmark | undefined {
    return this.#requirement.bookmark
  }

  /**
   * Takes over who has answered, if that was asked. Returns the machine that the statement runs on: on a connection that does not tell,
   * one that is like no other.
   */
  introduce(lease: Lease, { introduction: asked, shared, answerBefore, answerAfter }: PositionQuestions): string {
    if (asked === undefined) return lease.identity
    const { server, dialledAt } = lease
    const said = answerAfter.introduction ?? answerBefore.introduction
    const isRefused = answerAfter.position === 'refused' || answerBefore.position === 'refused'
    if (said !== undefined || isRefused) lease.introduce(said?.machine, said?.backend)
    const { machine } = lease
    if (machine !== undefined) {
      const role = said === undefined ? undefined : said.standby ? 'replica' : 'primary'
      this.#context.members.note(server, machine, dialledAt, performance.now(), role)
    }
    return shared && said?.machine !== undefined ? said.machine : lease.identity
  }

  /** What is told of a server that lacks what the read must show. */
  behind(server: string, missing?: ReplicaBehindError['missing']): ReplicaBehindError {
    return new ReplicaBehindError(server, missing, this.#requirement.asked)
  }

  /** Records the answer before a read. Returns a `ReplicaBehindError` if the server lacks what the read must show. */
  before(lease: Lease, questions: PositionQuestions, mayHaveWritten: boolean): ReplicaBehindError | undefined {
    const { server } = lease
    const { shared, answerBefore: reply, sentAt } = questions
    const identity = this.introduce(lease, questions)
    const { positions } = this.#context
    const position = this.#heard(server, reply.position)
    const machine = shared ? reply.introduction?.machine : lease.machine
    const before = machine === undefined ? undefined : positions.at(server, machine)
    if (position !== undefined) positions.note(server, noted(position, machine, sentAt))
    const standby = reply.introduction?.standby ?? position?.standby
    if (standby === false && (shared || !lease.pooled)) {
      const primary = position && this.#positionOf(server, machine, position)
      const isReplaced = primary !== undefined && this.#isReplaced(server, primary, { mayHaveWritten })
      return isReplaced || this.#mayLack(questions, primary, server, identity) ? this.behind(server) : undefined
    }
    // Behind a pooler the statement may run on another machine than the one that has answered.
    if (shared ? reply.introduction === undefined : lease.pooled) return this.behind(server)
    if (this.#isElsewhere(server, identity)) return this.behind(server)
    const required = this.#required
    if (required === undefined) return undefined
    // Positions of other timelines mean something else.
    const known = this.#knownOf(server, machine)
    const showing = position === undefined ? 'no' : shows(known, required, positions)
    if (showing !== 'yes' && showing !== 'no') return this.behind(server)
    // Its one snapshot was taken ahead of the position that it tells, so that only an earlier one is sure to be in it.
    const isLate = shared && reply.introduction?.readCommitted !== true
    if (isLate && shows(before, required, positions) !== 'yes') return this.behind(server)
    const behind = position === undefined || position.lsn < required.lsn
    // What a client brings that nobody vouches for teaches nothing about a server.
    const isOpen = this.#stillRequired === undefined || this.#session.isClaim(required)
    const isVouchedFor = this.#session.trusted || !isOpen
    if (machine !== undefined && isVouchedFor) positions.noteBehind(server, machine, behind)
    if (position === undefined) return this.behind(server)
    if (behind) {
      const missing = { machine: identity, lsn: required.lsn, bytes: required.lsn - position.lsn }
      return this.behind(server, missing)
    }
    this.#session.confirm()
    return undefined
  }

  /** What it must show is known to be on another server only: on a primary, or where the session has read without asking for positions. */
  #isElsewhere(server: string, identity: string): boolean {
    const { home } = this.#session
    if (this.#requirement.primary !== undefined) return true
    return home !== undefined && (home.server !== server || home.machine !== identity)
  }

  /** A primary has answered what was asked of a standby: promoted since, it may never have had what the read must show. */
  #mayLack({ ofPrimary }: PositionQuestions, primary: Bookmark | undefined, server: string, identity: string): boolean {
    if (ofPrimary) return false
    if (this.#isElsewhere(server, identity)) return true
    const required = this.#stillRequired
    // Like a standby: how far its timeline agrees with the former one may not be known yet.
    const told = primary && { ...primary, standby: true }
    return required !== undefined && shows(told, required, this.#context.positions) !== 'yes'
  }

  /** A standby's read was sent as if to a primary: nothing shows that it had what the read must show. */
  #isUnproven({ ofPrimary }: PositionQuestions, answer: PositionAnswer | undefined, lease: Lease): boolean {
    if (!ofPrimary || !this.#reads || answer?.standby !== true) return false
    return this.#stillRequired !== undefined || this.#isElsewhere(lease.server, lease.identity)
  }

  /**
   * Records the answer after a statement. Returns a `ReplicaBehindError` if the server is a primary that has been replaced, or was only taken
   * for one.
   */
  after(
    lease: Lease,
    questions: PositionQuestions,
    {
      proves,
      done,
      mayHaveWritten,
    }: { readonly proves: boolean; readonly done: boolean; readonly mayHaveWritten: boolean },
  ): ReplicaBehindError | undefined {
    const { server } = lease
    const { shared, inside, answerAfter: reply, sentAt } = questions
    const answer = this.#heard(server, reply.position)
    const machine = lease.pooled ? reply.introduction?.machine : lease.machine
    const position = answer === undefined ? undefined : this.#positionOf(server, machine, answer)
    if (proves && this.#isUnproven(questions, answer, lease)) return this.behind(server)
    // Behind a pooler another standby may have answered than the one that ran the statement.
    const isOthers = lease.pooled && !shared && !inside && answer?.standby === true
    const isPromoted = !lease.pooled && lease.standby && answer?.standby === false
    if (answer === undefined || position === undefined || isOthers || isPromoted) {
      if (!done && (!mayHaveWritten || inside)) return undefined
      const wasPromoted = !lease.pooled && (isPromoted || (!questions.ofPrimary && !lease.standby))
      this.#markUnknown(mayHaveWritten, wasPromoted ? this.#timelineAsPrimary(server, machine) : undefined)
      return undefined
    }
    const { positions } = this.#context
    positions.note(server, noted(answer, machine, sentAt))
    if (answer.standby) {
      this.#session.showOfStandby(position, sentAt, performance.now(), positions)
      return undefined
    }
    if (this.#reads && proves && this.#isReplaced(server, position, { mayHaveWritten })) return this.behind(server)
    const session = this.#session
    const required = this.#stillRequired
    const expected = session.claim !== undefined && !session.trusted ? this.#known(required) : required
    const demanded = expectedOfPrimary(this.#context, session, expected, position)
    if (expected !== required && required !== undefined) session.replace(required, position, sentAt)
    if (mayHaveWritten && session.isBeyond(position, positions)) this.#markUnknown(true)
    const lost = session.arrivedAtPrimary(position, sentAt, demanded, positions)
    // So may be what a standby has refused.
    if (mayHaveWritten || !proves) this.#tellProcess(position)
    if (lost !== undefined) this.#noteLoss(server, lost)
    return undefined
  }

  /** What has run as if on a standby may have run since that was promoted: only later primaries have what it has shown or written. */
  notePromotion({ server, machine, pooled }: Lease): void {
    // Behind a pooler that may be another machine.
    if (!pooled) this.#markUnknown(true, this.#timelineAsPrimary(server, machine))
  }

  /** A write in any session is a write of this process, too. */
  #tellProcess(position: Bookmark): void {
    const { process } = this.#context
    if (process === undefined) return
    if (process !== this.#session) {
      const seen = expectedOfPrimary(this.#context, process, process.bookmark, position)
      process.showOfAnother(position, seen, performance.now())
    }
    process.tellPeers(position)
  }

  #heard(server: string, position: PositionReply['position']): PositionAnswer | undefined {
    if (position !== 'refused') return position
    this.#context.positions.noteRefusal(server)
    return undefined
  }

  /** The primary has answered a question that was sent after the claim had come. */
  settleClaim(primary: string, answer: PrimaryAnswer): ClaimOutcome {
    const session = this.#session
    const { claim } = session
    if (claim === undefined && !session.unreadable) return { kind: 'settled' }
    if (answer.kind === 'silent') return { kind: 'open', error: new ReplicaBehindError(primary) }
    const { position } = answer
    if (claim !== undefined) {
      const showing = shows(position, claim, this.#context.positions)
      if (showing === 'older' && !this.#isNobodys(claim))
        return { kind: 'open', error: new ReplicaBehindError(primary) }
      if (showing === 'yes') session.confirm()
      else this.#replace(primary, claim, position)
    }
    session.settleUnreadable(position, performance.now())
    return { kind: 'settled' }
  }

  /** The primary has answered a question that was sent before something that may write. */
  settleTimeline(primary: string, answer: PrimaryAnswer): ClaimOutcome {
    const session = this.#session
    if (session.isHearsay) return this.settleClaim(primary, answer)
    const isOpen =
      answer.kind === 'silent' ||
      this.#isReplaced(primary, answer.position, { mayHaveWritten: true, required: session.bookmark })
    return isOpen
      ? { kind: 'open', error: new ReplicaBehindError(primary, undefined, 'replaced') }
      : { kind: 'settled' }
  }

  /**
   * It is a primary that does not know that it was replaced; unless no server is on the timeline that must be shown. What only other pools have
   * told of keeps nobody from writing, nor from reading where no other server can show it.
   */
  #isReplaced(
    primary: string,
    position: Bookmark,
    { mayHaveWritten, required = this.#stillRequired }: { mayHaveWritten: boolean; required?: Bookmark | undefined },
  ): boolean {
    const { positions, alone } = this.#context
    const countsHeard = !mayHaveWritten && !alone
    const isOlder = (demanded: Bookmark | undefined): boolean =>
      demanded !== undefined &&
      shows(position, demanded, positions) === 'older' &&
      (countsHeard || !isOnlyHeard(this.#session, demanded))
    if (required !== undefined && isOlder(required)) {
      if (!this.#isNobodys(required)) return true
      // What a client brought says nothing of what others wait for.
      const isOwn = !this.#session.isClaim(required)
      this.#replace(primary, required, position)
      if (isOwn) this.#forgetTimeline(required)
    }
    // What its session goes on from instead may be of a later timeline, too.
    const isReplaced = this.#required !== undefined && this.#stillRequired === undefined
    if (isReplaced && isOlder(this.#session.bookmark)) return true
    const { awaited } = this.#session
    if (awaited === undefined || !isOlder(awaited)) return false
    if (!this.#isNobodys(awaited)) return true
    this.#forgetTimeline(awaited)
    return false
  }

  #forgetTimeline(lost: Bookmark): void {
    const now = performance.now()
    for (const each of concernedSessions(this.#context, this.#session)) each.forgetTimeline(lost, now)
  }

  #replace(primary: string, required: Bookmark, position: Bookmark): void {
    const isOwn = this.#session.trusted || !this.#session.isClaim(required)
    this.#session.replace(required, position, performance.now())
    if (isOwn) this.#noteLoss(primary, { lost: required, now: position })
  }

  /**
   * No server is on its timeline or a later one: as far as is known; if there certainly was such a server in the list, only when every one
   * has said otherwise since.
   */
  #isNobodys(bookmark: Bookmark): boolean {
    const { topology, positions, members } = this.#context
    if (this.#session.isClaim(bookmark) && !this.#session.trusted)
      return !topology.servers.some(({ timeline }) => (timeline ?? 0) >= bookmark.timeline)
    const since = this.#session.listedSince(bookmark)
    if (since === undefined) return false
    return topology.servers.every(({ name, health }) => {
      if (health === 'leaving') return true
      const heard = members.isBalanced(name) ? [...positions.all(name)] : [positions.of(name)]
      return heard.every((known) => {
        if (known?.timelineAt === undefined || known.timelineAt < since) return false
        const showing = shows(known, bookmark, positions)
        return showing === 'older' || showing === 'foreign'
      })
    })
  }

  /** Another statement of the session may have found out meanwhile that it is lost, or nobody's. */
  get #stillRequired(): Bookmark | undefined {
    const required = this.#required
    return required !== undefined && this.#session.hasReplaced(required) ? undefined : required
  }

  /** What the primary lacks of an untrusted claim is not reported as lost. */
  #known(required: Bookmark | undefined): Bookmark | undefined {
    return required !== undefined && this.#session.isClaim(required) ? undefined : required
  }

  /** @param promoted - the beginning of the timeline that it is on: what the former primary answers may lack it. */
  #markUnknown(mayHaveWritten: boolean, promoted?: Bookmark): void {
    const now = performance.now()
    for (const each of mayHaveWritten ? concernedSessions(this.#context, this.#session) : [this.#session]) {
      each.markUnknown(now)
      if (promoted !== undefined) each.awaitTimeline(promoted, now, now)
    }
    if (mayHaveWritten && promoted !== undefined) this.#context.process?.tellPeers(promoted)
  }

  /** The beginning of the timeline that a standby is on since it was promoted, or of an earlier one: it has not told yet. */
  #timelineAsPrimary(server: string, machine: string | undefined): Bookmark | undefined {
    const { systemIdentifier, timeline, standby } = this.#knownOf(server, machine) ?? {}
    if (systemIdentifier === undefined || timeline === undefined) return undefined
    return { systemIdentifier, timeline: standby === true ? timeline + 1 : timeline, lsn: 0n }
  }

  #knownOf(server: string, machine: string | undefined): KnownPosition | undefined {
    const { positions } = this.#context
    return machine === undefined ? positions.of(server) : positions.at(server, machine)
  }

  #positionOf(server: string, machine: string | undefined, answer: PositionAnswer): Bookmark | undefined {
    const known = this.#knownOf(server, machine)
    const systemIdentifier = answer.systemIdentifier ?? known?.systemIdentifier
    const timeline = answer.timeline ?? known?.timeline
    if (systemIdentifier === undefined || timeline === undefined) return undefined
    const position = { systemIdentifier, timeline, lsn: answer.lsn }
    return answer.standby ? position : certainBookmark(position)
  }

  #noteLoss(server: string, { lost, now }: LostPosition): void {
    const shown = ({ lsn, timeline }: Bookmark) => ({ lsn: formatLsn(lsn), timeline })
    const { region } = this.#context.stateOf(server) ?? {}
    const event = { server, region, lost: shown(lost), now: shown(now) }
    this.#session.losses.add(() => this.#context.onPositionLost(event))
  }
}

function noted(
  { lsn, timeline, systemIdentifier, standby }: PositionAnswer,
  machine: string | undefined,
  at: number,
): Seen {
  return { machine, lsn, at, standby, timeline, systemIdentifier }
}
