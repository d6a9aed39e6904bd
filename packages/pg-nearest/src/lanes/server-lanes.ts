import type { AsyncResource } from 'node:async_hooks'
import { Blame } from './slow-statement-attribution.ts'
import type { Lane } from './lane.ts'
import type { Rescue } from '../lane-batch/lane-read.ts'
import { PatienceLimit } from './patience-limit.ts'
import { isPenalized, penalize, type Penalty } from '../limits/penalty-backoff.ts'

/** A second lane is opened when the first has so many in flight. */
const ENOUGH = 64
const CROWDED = 512
const MOST_LANES = 2
/** Each read pays for a tenth of one that is run twice, and so many can be run from the start. */
const SHARE = 0.1
const RESERVE = 100
const MOST_TOKENS = 1_000
/** After so many times the patience, a lane's reads run elsewhere whatever that costs: it may wait for one of this process's own locks. */
const HOPELESS = 20

/** The lanes to one server, and their watch. */
export class ServerLanes {
  readonly limit: PatienceLimit = new PatienceLimit()
  readonly #lanes: Lane[] = []
  readonly #keepApart: (text: string, isSeldom?: boolean) => void
  readonly #context: AsyncResource
  #doubt: Penalty | undefined
  #tokens = RESERVE
  #watching = false

  /** @param context - the pool's own: a watch that goes on must not keep what belongs to the request that it began with. */
  constructor(keepApart: (text: string, isSeldom?: boolean) => void, context: AsyncResource) {
    this.#keepApart = keepApart
    this.#context = context
  }

  get isFull(): boolean {
    let open = 0
    for (const lane of this.#lanes) if (lane.open) open++
    return open >= MOST_LANES
  }

  /** A pooler in between seems to forget what is sent before it has answered. */
  get isDoubted(): boolean {
    return isPenalized(this.#doubt, performance.now())
  }

  get inFlight(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.inFlight, 0)
  }

  get hasRoom(): boolean {
    return this.#emptiest(true) !== undefined
  }

  /**
   * Fills one of these after the other, because few large batches cost less than many small ones.
   *
   * @param isOpenToAll - otherwise only on what somebody holds.
   */
  join(crowded: boolean, isOpenToAll: boolean): Lane | undefined {
    const lane =
      this.#firstWithin(ENOUGH, isOpenToAll) ?? (crowded || this.isFull ? this.#emptiest(isOpenToAll) : undefined)
    if (lane !== undefined && this.#tokens < MOST_TOKENS) this.#tokens += SHARE
    return lane
  }

  // Loops, because each read comes this way.
  #firstWithin(most: number, isOpenToAll: boolean): Lane | undefined {
    for (const lane of this.#lanes) {
      if (lane.open && lane.inFlight < most && (isOpenToAll || lane.lease.holder !== undefined)) return lane
    }
    return undefined
  }

  #emptiest(isOpenToAll: boolean): Lane | undefined {
    let emptiest: Lane | undefined
    for (const lane of this.#lanes) {
      if (!lane.open || lane.inFlight >= CROWDED || !(isOpenToAll || lane.lease.holder !== undefined)) continue
      if (emptiest === undefined || lane.inFlight < emptiest.inFlight) emptiest = lane
    }
    return emptiest
  }

  add(lane: Lane): void {
    this.#lanes.push(lane)
    if (!this.#watching) this.#context.runInAsyncScope(() => this.#watch())
  }

  remove(lane: Lane): void {
    const at = this.#lanes.indexOf(lane)
    if (at >= 0) this.#lanes.splice(at, 1)
  }

  /** One timer for all, and for as long as there is something to watch. */
  #watch(): void {
    this.#watching = true
    const everyMs = Math.max(1, this.limit.ms / 2)
    const due = performance.now() + everyMs
    setTimeout(() => {
      // Node runs timers that are due before it reads what has arrived.
      setImmediate(() => {
        this.#watching = false
        this.#look(performance.now() - due >= everyMs)
        if (this.#lanes.length > 0) this.#watch()
      })
    }, everyMs).unref()
  }

  /** @param late - this process was busy, so that little could be heard. It may always be. */
  #look(late: boolean): void {
    const now = performance.now()
    const limitMs = this.limit.ms
    for (const lane of this.#lanes.slice()) {
      const [silentMs, awaitedMs] = [lane.silentMs(now), lane.awaitedMs(now)]
      const { inFlight, isDoubtful } = lane
      const isAlone = inFlight < 2
      const isWanted = lane.wantedMs(now) >= limitMs
      // One that is alone holds nobody up.
      if (isAlone && !isDoubtful && !isWanted) continue
      const isPoor = isAlone || this.#tokens < inFlight
      if (isWanted || silentMs >= (late || isPoor ? limitMs * HOPELESS : limitMs)) {
        this.#pay(inFlight)
        if (isDoubtful) this.#doubt = penalize(this.#doubt, now)
        lane.rescue((reads, onNobody) => this.#newRescue(reads, onNobody))
      } else if (!isAlone && silentMs === 0 && awaitedMs >= (isPoor ? limitMs * HOPELESS : limitMs)) {
        // A long answer is coming.
        this.#pay(inFlight)
        lane.isolate((reads, slow) => {
          this.#keepApart(slow)
          return this.#newRescue(reads, () => undefined)
        })
      }
    }
  }

  #pay(reads: number): void {
    this.#tokens = Math.max(0, this.#tokens - reads)
  }

  #newRescue(reads: number, onNobody: () => void): Rescue {
    const blame = new Blame(reads, { onCulprit: this.#keepApart, onNobody })
    return { ran: (text, ms) => blame.ran(text, ms, this.limit.ms) }
  }
}
