/** What is known of a request, and of where it is. */
export interface RequestFacts {
  readonly method: string
  /** Whether the app wants it replayed: always, never, or when that is cheaper. */
  readonly policy: ReplayPolicy
  /** Where this process runs, and where writes go now. */
  readonly region: string | undefined
  readonly primaryRegion: string | undefined
  /** Bytes of its body; `undefined` if the request does not say, though it has one. */
  readonly bodyBytes: number | undefined
  /** It wants another protocol, such as a WebSocket. */
  readonly upgrade: boolean
  /** A header says that it was replayed, or that a replay has failed. A client may forge it: all that it gains is a direct write. */
  readonly replayed: boolean
  readonly replayFailed: boolean
  /** The response has begun, or its client has left. */
  readonly begun: boolean
  /** Its handler is about to write for the first time. */
  readonly writing: boolean
  /** It came through Fly's proxy, which can replay it, or is to be redirected. Elsewhere a client would get the answer that is meant for a proxy. */
  readonly sendable: boolean
  /** Nobody can be sent to the primary's region, because the option `redirect` does not name it. */
  readonly unnamed: boolean
  /** A replay to that region has failed a short time ago. */
  readonly failedLately: boolean
  /** What such requests have waited for the primary, in round trips; `undefined` for a route that is new, or is to be measured again. */
  readonly trips: number | undefined
}

export type ReplayPolicy = 'always' | 'never' | 'cost' | 'first-write'

/**
 * Why a request runs here, or is replayed.
 *
 * - `here`: writes are made in this region. `no-region`: it is not known where this process runs. `no-primary`: nobody takes writes now.
 * - `replayed`, `replay-failed`: it says that it was sent again before.
 * - `preflight`: CORS asks before it sends the request itself. `upgrade`: a WebSocket. `begun`: the response has begun, or its client has left.
 * - `body`: it is of more than 1 MB, or does not say how long it is.
 * - `no-proxy`: it did not come through Fly's proxy, so nobody would replay it.
 * - `region-failed`: a replay to that region has just failed. `no-host`: `redirect` has no host for it.
 * - `never`, `always`: the policy. `first-write`: likewise; nothing was written so far. `unmeasured`: what it costs is not known. `cheap`, `costly`: it is.
 */
export type ReplayReason =
  | 'here'
  | 'no-region'
  | 'no-primary'
  | 'replayed'
  | 'replay-failed'
  | 'preflight'
  | 'upgrade'
  | 'begun'
  | 'body'
  | 'no-proxy'
  | 'region-failed'
  | 'no-host'
  | 'never'
  | 'always'
  | 'first-write'
  | 'unmeasured'
  | 'cheap'
  | 'costly'

export interface Decision {
  readonly run: 'here' | 'replay'
  readonly reason: ReplayReason
}

/** What Fly's proxy keeps of a request, to send it again. */
const REPLAYABLE_BYTES = 1_000_000
/** A replayed request waits for one round trip, and a direct write as well. */
const COSTLY_TRIPS = 1.5

/** Where a request is to run. What cannot be replayed is sorted out first, whatever the policy. */
export function decide(facts: RequestFacts): Decision {
  const { method, policy, region, primaryRegion, bodyBytes, trips } = facts
  const here = (reason: ReplayReason): Decision => ({ run: 'here', reason })
  if (facts.replayFailed) return here('replay-failed')
  if (facts.replayed) return here('replayed')
  if (region === undefined) return here('no-region')
  if (primaryRegion === undefined) return here('no-primary')
  if (region === primaryRegion) return here('here')
  if (method === 'OPTIONS') return here('preflight')
  if (facts.upgrade) return here('upgrade')
  if (facts.begun) return here('begun')
  if (bodyBytes === undefined || bodyBytes > REPLAYABLE_BYTES) return here('body')
  if (policy === 'never') return here('never')
  if (!facts.sendable) return here('no-proxy')
  if (facts.failedLately) return here('region-failed')
  if (facts.unnamed) return here('no-host')
  if (policy === 'first-write') return { run: facts.writing ? 'replay' : 'here', reason: 'first-write' }
  if (policy === 'always') return { run: 'replay', reason: 'always' }
  if (trips === undefined) return here('unmeasured')
  return trips > COSTLY_TRIPS ? { run: 'replay', reason: 'costly' } : here('cheap')
}
