import type { FreshnessCheck } from '../freshness/freshness-check.ts'
import { trusts } from '../freshness/statement-ending.ts'
import { isMisled } from '../freshness/backend-preference.ts'
import type { Rescue } from '../lane-batch/lane-read.ts'
import type { Lane } from '../lanes/lane.ts'
import type { Lease } from '../pooled-connection/lease.ts'
import type { Evidence } from '../route/failure-meaning.ts'
import { evidenceOfLoss } from '../send/run-statement.ts'
import type { Attempt } from '../route/plan-servers.ts'
import type { Request } from '../route/request.ts'
import type { RunEnd } from '../send/run-statement.ts'
import type { LimitedEnd } from '../send/run-with-cancellation.ts'
import type { StatementNeed } from '../classification/statement-need-types.ts'
import type { SyncSharing } from '../statement/sync-sharing.ts'
import { isCommented, SHOWN, showStatement, type Shown, type ShownStatement } from '../tracers/run-patched-query.ts'
import type { AttemptEnd } from '../walk/execution-types.ts'
import type { WalkFacts } from '../walk-states/walk-state.ts'
import type { StatementResult } from '../wire/exchange.ts'
import type { RideContext } from './ride-context.ts'
import { rideLane, sharingOf, ticketFor, withSentValues, type LaneRide, type RideRequest } from './lane-ride.ts'

/** One attempt that may share a connection. */
export interface Trip {
  readonly attempt: Attempt
  readonly check: FreshnessCheck | undefined
  readonly signal: AbortSignal | undefined
  /** To be called once. `undefined`: nothing came of it, as if it had not been sent, so that it must run where it is alone. */
  end(end: AttemptEnd<StatementResult> | undefined): void
}

/** `undefined`: it may share a connection with nobody. */
export function createMultiplexedRead(
  engine: RideContext,
  facts: WalkFacts,
  need: StatementNeed,
  config: Request['config'],
): MultiplexedRead | undefined {
  const sharing = sharingOf(engine, facts, need, config)
  return sharing && new MultiplexedRead(engine, config, sharing)
}

/** A read that shares connections with others as long as that goes well, whoever has given it. */
export class MultiplexedRead {
  readonly #engine: RideContext
  #sharing: SyncSharing | undefined
  #config: Request['config']
  #isConverted = false
  #rescue: Rescue | undefined
  #ride: LaneRide | undefined
  /** As tracers have seen it, as long as it has not ended. */
  #shown: ShownStatement | undefined

  constructor(engine: RideContext, config: Request['config'], sharing: SyncSharing) {
    this.#engine = engine
    this.#config = config
    this.#sharing = sharing
  }

  /** What is sent of it where it is alone. Tracers see it once, whatever has become of it in a lane. */
  takeConfig(): Request['config'] {
    const shown = this.#shown
    if (shown === undefined) return this.#config
    this.#shown = undefined
    const config: Request['config'] & Shown = { ...this.#config, [SHOWN]: shown }
    return config
  }

  /** Whether it may share a connection now. */
  get isWilling(): boolean {
    return this.#sharing !== undefined && this.#engine.lanes?.mayShare(this.#config.text) === true
  }

  /** Somebody waits for its answer in a lane. */
  get rides(): boolean {
    return this.#ride !== undefined
  }

  /**
   * Joins others. Returns whether it does; so do those below.
   *
   * @param crowded - as of `Lanes.join`.
   */
  join(crowded: boolean, trip: Trip): boolean {
    const lane = this.#engine.lanes?.join(trip.attempt.server, crowded)
    return lane !== undefined && this.#board(lane.lease, trip, lane)
  }

  /** The same for one that has waited for a connection, where nobody hears what is thrown. */
  joinNext(trip: Trip): boolean {
    try {
      const lane = this.#engine.lanes?.joinNext(trip.attempt.server)
      return lane !== undefined && this.#board(lane.lease, trip, lane)
    } catch (error) {
      trip.end({ kind: 'cut', error })
      return true
    }
  }

  /** Shares its own connection with others. */
  open(lease: Lease, trip: Trip): boolean {
    return this.isWilling && this.#board(lease, trip)
  }

  /** @param joined - `undefined`: a new one is opened on this connection. */
  #board(lease: Lease, trip: Trip, joined?: Lane): boolean {
    if (this.#sharing === undefined || isMisled(this.#engine, trip.attempt, lease)) return false
    if (!this.#isConverted) this.#config = withSentValues(this.#config)
    this.#isConverted = true
    const { check, signal } = trip
    const request: RideRequest = {
      config: this.#config,
      sharing: this.#sharing,
      sent: undefined,
      check,
      trust: trusts(trip.attempt),
      signal,
    }
    const ticket = ticketFor(lease, request)
    if (ticket === undefined || !this.#isShownTo(lease)) return false
    const lane = joined ?? this.#engine.lanes?.open(lease)
    if (lane === undefined) return false
    const { standby, generation } = lease
    const failed = (evidence: Evidence): void =>
      trip.end({ kind: 'failed', evidence, standby, forced: true, generation })
    request.sent = this.#shown?.text
    this.#ride = rideLane(lane, ticket, request, (end) => {
      this.#ride = undefined
      if (end.kind === 'result') {
        this.#endShown(undefined, end.result)
        return trip.end({ kind: 'result', result: end.result, standby: lease.standby })
      }
      if (end.kind === 'cut') {
        this.#endShown(end.error)
        return trip.end(end)
      }
      // It is in no doubt, and goes where it is shown.
      if (end.kind === 'behind') return failed(end)
      if (end.kind === 'limited' || (end.kind === 'lost' && !end.mayResend)) {
        this.#endShown(end.error)
        return failed(end.kind === 'lost' ? evidenceOfLoss(end.error) : { kind: 'answered', error: end.error })
      }
      if (end.kind === 'slow') this.#rescue = end.rescue
      // As if nothing had been: it could write nothing.
      this.#sharing = undefined
      trip.end(undefined)
    })
    return true
  }

  /** Shows it to tracers once. Returns whether it can be sent in a lane as they would have it. */
  #isShownTo({ client }: Lease): boolean {
    this.#shown ??= showStatement(client, this.#config)
    const shown = this.#shown
    return shown === undefined || (shown.refusal === undefined && isCommented(shown.text, this.#config.text))
  }

  #endShown(error: unknown, result?: StatementResult): void {
    this.#shown?.ended(error, result)
    this.#shown = undefined
  }

  /** Nothing comes of it any more. */
  end(): void {
    // An error takes longer to make than a read.
    if (this.#shown !== undefined) this.#endShown(new Error('The statement was not sent'))
  }

  /** Nobody waits for its answer any more, if it is in a lane. */
  abandon(reason: unknown): void {
    this.#ride?.abandon(reason)
  }

  /** It has run by itself: that shows whether it may share a connection the next time. */
  ranAlone({ kind }: LimitedEnd<RunEnd>, server: string, ms: number): void {
    const { lanes } = this.#engine
    const { text } = this.#config
    if (kind === 'result') lanes?.ran(server, text, ms, this.#rescue)
    else if (kind === 'cut') lanes?.gaveUp(server, text, ms, this.#rescue)
    else if (kind === 'answered' || kind === 'unreadable') lanes?.failed(text, this.#rescue)
  }
}
