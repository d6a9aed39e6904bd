import type { Lease } from '../connections/lease.ts'
import { shows, type Bookmark } from '../session/bookmark.ts'
import type { LostPosition, SessionState } from '../session/session-state.ts'
import { formatLsn } from '../topology/lsn.ts'
import { BehindError } from './behind-error.ts'
import type { FreshnessContext } from './freshness-context.ts'
import type { PositionAnswer, PositionQuestions } from './position-question.ts'
import { expectedOfPrimary } from './freshness-requirement.ts'

/** Takes in what servers say of their positions, for one statement, its session and this process. */
export class PositionRecorder {
  readonly #context: FreshnessContext
  readonly #session: SessionState
  readonly #required: Bookmark | undefined
  readonly #reads: boolean

  constructor(context: FreshnessContext, session: SessionState, required: Bookmark | undefined, reads: boolean) {
    this.#context = context
    this.#session = session
    this.#required = required
    this.#reads = reads
  }

  /** What was said ahead of a read: a `BehindError` if that is not what it must show. */
  ahead({ server }: Lease, { answerAhead, sentAt }: PositionQuestions): BehindError | undefined {
    const { positions } = this.#context
    const required = this.#required
    if (answerAhead !== undefined) positions.note(server, noted(answerAhead, sentAt))
    if (required === undefined || answerAhead?.standby === false) return undefined
    const behind = answerAhead === undefined || answerAhead.lsn < required.lsn
    positions.noteBehind(server, behind)
    if (answerAhead === undefined) return new BehindError(server)
    if (behind) return new BehindError(server, { lsn: required.lsn, bytes: required.lsn - answerAhead.lsn })
    this.#session.confirm()
    return undefined
  }

  /** What was said behind a statement: a `BehindError` if a primary is not what it was taken for. */
  behind(lease: Lease, questions: PositionQuestions, proves: boolean, done: boolean): BehindError | undefined {
    const { server } = lease
    const { answerBehind: answer, sentAt } = questions
    const position = answer === undefined ? undefined : this.#positionOf(server, answer)
    if (answer === undefined || position === undefined || answer.standby !== lease.standby) {
      if (done) this.#markUnknown()
      return undefined
    }
    const { positions, process } = this.#context
    positions.note(server, { ...noted(answer, sentAt), timeline: position.timeline })
    if (answer.standby) {
      this.#session.show(position)
      return undefined
    }
    const required = this.#required
    if (this.#reads && proves && required !== undefined && shows(position, required, positions) === 'older') {
      // A primary that was replaced and does not know it; unless nobody knows of a later history than its.
      if (!this.#isNobodys(required)) return new BehindError(server)
      this.#session.replaceClaim(position)
    }
    const session = this.#session
    const expected = session.claim !== undefined && !session.trusted ? this.#known(required) : required
    const demanded = expectedOfPrimary(this.#context, session, expected, server)
    if (expected !== required) session.replaceClaim(position)
    const lost = session.arrivedAtPrimary(position, sentAt, demanded, positions)
    // What is written in any session was written in this process, too; and what a standby refused may have been a write.
    if ((!this.#reads || !proves) && session !== process) process?.show(position)
    if (lost !== undefined) this.#tellLoss(server, lost)
    return undefined
  }

  /** The primary was asked: what it does not know of, and no other server either, is no history that is worth waiting for. */
  settleClaim(primary: string, claim: Bookmark): void {
    const { positions } = this.#context
    const known = positions.of(primary)
    if (known?.timeline === undefined || known.systemIdentifier === undefined || known.standby) return
    const { systemIdentifier, timeline, lsn } = known
    const position: Bookmark = { systemIdentifier, timeline, lsn, certain: true }
    const showing = shows(position, claim, positions)
    if (showing === 'yes') return this.#session.confirm()
    if (showing === 'older' && !this.#isNobodys(claim)) return
    this.#session.replaceClaim(position)
    if (this.#session.trusted) this.#tellLoss(primary, { lost: claim, now: position })
  }

  /** The session began with it, and no server is known to have its timeline, or a later one. */
  #isNobodys(bookmark: Bookmark): boolean {
    const { topology } = this.#context
    return this.#session.claim === bookmark && !topology.servers.some((each) => (each.timeline ?? 0) >= bookmark.timeline)
  }

  /** Of an untrusted claim, nothing that the primary does not have is missed. */
  #known(required: Bookmark | undefined): Bookmark | undefined {
    return required === this.#session.claim ? undefined : required
  }

  #markUnknown(): void {
    const now = performance.now()
    this.#session.markUnknown(now)
    if (!this.#reads) this.#context.process?.markUnknown(now)
  }

  #positionOf(server: string, answer: PositionAnswer): Bookmark | undefined {
    const known = this.#context.positions.of(server)
    const systemIdentifier = answer.systemIdentifier ?? known?.systemIdentifier
    const timeline = answer.timeline ?? known?.timeline
    if (systemIdentifier === undefined || timeline === undefined) return undefined
    const position = { systemIdentifier, timeline, lsn: answer.lsn }
    return answer.standby ? position : { ...position, certain: true }
  }

  #tellLoss(server: string, { lost, now }: LostPosition): void {
    const shown = ({ lsn, timeline }: Bookmark) => ({ lsn: formatLsn(lsn), timeline })
    this.#context.onPositionLost({
      server,
      region: this.#context.regionOf(server),
      lost: shown(lost),
      now: shown(now),
    })
  }
}

function noted({ lsn, timeline, systemIdentifier, standby }: PositionAnswer, at: number) {
  return {
    lsn,
    at,
    standby,
    ...(timeline === undefined ? {} : { timeline }),
    ...(systemIdentifier === undefined ? {} : { systemIdentifier }),
  }
}
