import { OptionError, RequestReplayedError } from '../errors.ts'
import { createCostLearner, isTelling } from './cost-learner.ts'
import { fateAfter, type WriteFate } from './first-write-decision.ts'
import { flyReplayHeader } from './fly-replay-header.ts'
import { runCounted, type ObservedPool } from './count-primary-trips.ts'
import { isRedirected, redirectTo } from './redirect.ts'
import { decide, type Decision, type ReplayPolicy, type RequestFacts } from './replay-decision.ts'
import { checkReplayOptions, policyFor, type ReplayOptions, type ReplayRequest } from './replay-options.ts'
import { requestLength } from './request-length.ts'
import { routeKey } from './route-key.ts'
import { serverTiming } from './server-timing.ts'
import { createTripCounter } from './trip-counter.ts'

/** What is needed of the pool that `createPool` returns. */
export interface ReplayPool extends ObservedPool {
  beforeWrite<T>(guard: (attempt: { readonly writes: boolean }) => void, work: () => T): T
  status(): {
    readonly region: string | undefined
    readonly servers: readonly {
      readonly region: string | undefined
      readonly writeTo: boolean
      readonly readOnly: boolean
    }[]
  }
}

/** A request that is to be sent again beside the primary: what to answer instead of handling it. */
export interface Replayed {
  readonly kind: 'replay'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

/** The response to a request that is being handled. */
export interface PendingResponse {
  /** Whether its status and headers have gone out. */
  begun(): boolean
  /** Whether its client has left, so that nobody would send the request again. */
  abandoned(): boolean
  /** Whatever the handler answers, the client gets this. */
  replace(answer: Replayed): void
}

/** A request that runs here. */
export interface RunsHere {
  readonly kind: 'here'
  /** Runs the handler, and counts what it waits for. */
  run<T>(work: () => T): T
  /** Call it when a response with this status begins. Returns a function that adds the header `Server-Timing`; `undefined` before the final one. */
  headerWriter(status: number): ((headers: { append(name: string, value: string): void }) => void) | undefined
  /** Call it when the request is over, with the status of its response. */
  end(status: number): void
}

const STATE = 'pg-nearest'
/** As everybody answers who replays; the client does not see it. */
const STATUS = 409
/** For how long a region that could not be reached is left alone. */
const PAUSE_MS = 10_000
/** For how long it is taken as known where writes go. */
const PLACE_MS = 100

interface Place {
  readonly at: number
  readonly region: string | undefined
  readonly primaryRegion: string | undefined
}

/** Whether this machine had the request replayed, as far as it knows its own name. What a client makes up does not have that. */
function isOurs(failure: string): boolean {
  const id = process.env['FLY_MACHINE_ID']
  return id === undefined || id === '' || failure.split(';').includes(`replay_source=${id}`)
}

/** Decides for each request of an app whether it runs here. */
export class Replayer {
  readonly #pool: ReplayPool
  readonly #options: ReplayOptions
  readonly #learner = createCostLearner()
  readonly #failed = new Map<string, number>()
  #place: Place | undefined

  /** @throws OptionError for options that cannot be used */
  constructor(pool: ReplayPool, options: ReplayOptions = {}) {
    if (typeof (pool as ReplayPool | undefined)?.status !== 'function')
      throw new OptionError('pool', 'pool must be what createPool returns.')
    checkReplayOptions(options)
    this.#pool = pool
    this.#options = options
  }

  consider(request: ReplayRequest, response: PendingResponse): Replayed | RunsHere {
    const { routeOf } = this.#options
    const policy = policyFor(this.#options, request)
    const route = routeOf === undefined ? routeKey(request.method, request.path) : routeOf(request)
    this.#noteFailure(request)
    const facts = (writing: boolean): RequestFacts => ({
      ...this.#factsOf(request, policy),
      begun: response.begun() || (writing && response.abandoned()),
      writing,
      trips: this.#learner.expect(route),
    })
    const before = facts(false)
    const { region, primaryRegion } = before
    const decision = decide(before)
    if (decision.run === 'replay' && primaryRegion !== undefined) {
      this.#learner.noteReplay(route)
      this.#tell(route, decision, 0)
      return this.#answer(request, primaryRegion)
    }
    const counter = createTripCounter()
    let fate: WriteFate = 'undecided'
    const guard = ({ writes }: { readonly writes: boolean }): void => {
      const now = facts(true)
      const atWrite = decide(now)
      const isFirst = fate === 'undecided'
      fate = fateAfter(fate, writes, atWrite.run === 'replay')
      if (fate !== 'replayed') return
      const to = now.primaryRegion ?? ''
      if (isFirst) {
        response.replace(this.#answer(request, to))
        this.#tell(route, atWrite, counter.trips)
      }
      throw new RequestReplayedError(to)
    }
    const guarded = decision.reason === 'first-write'
    return {
      kind: 'here',
      run: (work) => runCounted(this.#pool, counter, () => (guarded ? this.#pool.beforeWrite(guard, work) : work())),
      headerWriter: (status) => {
        if (status < 200 || fate === 'replayed') return undefined
        this.#tell(route, decision, counter.trips)
        const timing = serverTiming(decision.reason, counter, region === primaryRegion)
        return (headers) => headers.append('server-timing', timing)
      },
      end: (status) => {
        const { trips } = counter
        // Beside the primary reads run there, too, so that it says nothing of what it costs elsewhere.
        if (region === primaryRegion || fate === 'replayed' || !isTelling(status, trips)) return
        this.#learner.learn(route, trips)
      },
    }
  }

  /** What is known of it, but for what its handler does. */
  #factsOf(request: ReplayRequest, policy: ReplayPolicy): Omit<RequestFacts, 'begun' | 'writing' | 'trips'> {
    const { redirect } = this.#options
    const now = performance.now()
    const { region, primaryRegion } = this.#placeAt(now)
    const failedAt = this.#failed.get(primaryRegion ?? '') ?? Number.NEGATIVE_INFINITY
    return {
      method: request.method,
      policy,
      region,
      primaryRegion,
      bodyBytes: requestLength(request.header),
      upgrade: request.header('upgrade') !== undefined,
      replayed: request.header('fly-replay-src') !== undefined || (redirect !== undefined && isRedirected(request.url)),
      replayFailed: request.header('fly-replay-failed') !== undefined,
      sendable: redirect !== undefined || request.header('fly-region') !== undefined,
      failedLately: now - failedAt < PAUSE_MS,
      unnamed: redirect !== undefined && redirect[primaryRegion ?? ''] === undefined,
    }
  }

  #noteFailure({ header }: ReplayRequest): void {
    const failure = header('fly-replay-failed')
    const now = performance.now()
    const { primaryRegion } = this.#placeAt(now)
    if (failure !== undefined && primaryRegion !== undefined && isOurs(failure)) this.#failed.set(primaryRegion, now)
  }

  #answer({ url }: ReplayRequest, primaryRegion: string): Replayed {
    const host = this.#options.redirect?.[primaryRegion]
    if (host === undefined) {
      return { kind: 'replay', status: STATUS, headers: { 'fly-replay': flyReplayHeader(primaryRegion, STATE) } }
    }
    const location = redirectTo(host, url, this.#place?.region ?? '')
    return { kind: 'replay', status: 307, headers: { location, 'cache-control': 'no-store' } }
  }

  #placeAt(now: number): Place {
    if (this.#place !== undefined && now - this.#place.at < PLACE_MS) return this.#place
    const { region, servers } = this.#pool.status()
    const writer = servers.find(({ writeTo, readOnly }) => writeTo && !readOnly)
    return (this.#place = { at: now, region, primaryRegion: writer?.region })
  }

  #tell(route: string, decision: Decision, trips: number): void {
    try {
      this.#options.onDecision?.({ ...decision, route, trips })
    } catch {
      // Whoever listens may throw, and the request goes on.
    }
  }
}
