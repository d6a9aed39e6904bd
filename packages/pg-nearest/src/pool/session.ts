import { OptionError } from '../errors.ts'
import { formatBookmark, parseBookmark } from '../session/bookmark-text.ts'
import { shows } from '../session/bookmark.ts'
import { CONSISTENCIES, isConsistency, type Consistency } from '../session/consistency.ts'
import { runInSession } from '../session/current-session.ts'
import { SessionState } from '../session/session-state.ts'
import { RoutedPool, type PoolParts } from './routed-pool.ts'
import type { Servers } from './servers.ts'

/** How a session begins. */
export interface SessionOptions {
  /**
   * What `bookmark()` of another session said, in this process or another. Anything else (a text that was cut short, the
   * bookmark of another database) is taken for a history that nobody can read: the first read asks the primary.
   */
  readonly bookmark?: string | undefined
  /** What its reads must show, if not what the pool says. */
  readonly consistency?: Consistency | undefined
  /**
   * Whether the bookmark is known to come from a session of this app. `false`: it is a claim from outside, unsigned; a position that
   * nobody knows of is then settled by the primary's first answer, and no `position-lost` tells of it. Default true.
   */
  readonly trusted?: boolean | undefined
}

/**
 * A causal scope: its reads show everything that was written and seen in it before, whichever servers answer. A handle of
 * the pool, so that it can be passed on where an async context cannot.
 */
export class Session extends RoutedPool {
  readonly #state: SessionState
  readonly #servers: Servers

  /** @internal */
  constructor(parts: PoolParts, state: SessionState) {
    super(parts, { target: { kind: 'nearest' }, readOnly: false, session: state })
    this.#state = state
    this.#servers = parts.servers
  }

  /**
   * What another session has to begin with to go on from here: 32 characters, safe in a URL and in a header.
   * `undefined` when there is nothing to say: nothing was written or seen, or every server of the list was seen to show
   * it. Costs nothing.
   */
  bookmark(): string | undefined {
    return bookmarkOf(this.#state, this.#servers)
  }

  /** Runs `work` in this session, with everything that it starts: what it runs on the pool belongs to the session. */
  run<T>(work: () => T): T {
    return runInSession(this.#servers.scope, this.#state, work)
  }
}

/** @throws OptionError for a consistency that there is not. A bookmark is never an error. */
export function parseSessionOptions(from: string | SessionOptions | undefined): SessionOptions {
  if (typeof from !== 'object' || from === null) return { bookmark: from }
  if (from.consistency !== undefined && !isConsistency(from.consistency)) {
    throw new OptionError('consistency', `"consistency" must be ${CONSISTENCIES}.`)
  }
  return from
}

export function newSessionState({ bookmark, consistency, trusted }: SessionOptions): SessionState {
  if (bookmark === undefined) return new SessionState(undefined, consistency)
  return new SessionState(parseBookmark(bookmark) ?? 'unknown', consistency, trusted)
}

/** Of a session whose history is not known: its text is one that nobody can read. */
const UNKNOWN = 'unknown'

export function bookmarkOf(state: SessionState, { engine, listed, monitor }: Servers): string | undefined {
  if (state.home !== undefined) state.settleHome(engine.positions.of(state.home.server))
  if (state.blind) return UNKNOWN
  const { bookmark } = state
  if (bookmark === undefined) return undefined
  // Whoever is a replica now was perhaps the primary when the list was made.
  const isUp = (name: string): boolean =>
    monitor.topology.servers.some((server) => server.name === name && server.health === 'up')
  const everywhere =
    listed.length > 1 &&
    listed.every(({ name }) => isUp(name) && shows(engine.positions.of(name), bookmark, engine.positions) === 'yes')
  return everywhere ? undefined : formatBookmark(bookmark)
}
