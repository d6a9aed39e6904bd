import { OptionError } from '../errors.ts'
import { describeValue } from '../error-messages/describe-value.ts'
import { checkNames } from '../error-messages/unknown-name.ts'
import {
  formatBookmark,
  formatTimeBookmark,
  parseBookmark,
  parseTimeBookmark,
  parseUnknownFrom,
} from '../session/bookmark-text.ts'
import { shows, type Bookmark } from '../session/bookmark.ts'
import { unknownBookmark } from '../session/merge-bookmarks.ts'
import { CONSISTENCIES, isConsistency, type Consistency } from '../session/consistency.ts'
import { currentSession } from '../session/current-session.ts'
import { SessionState } from '../session/session-state.ts'
import { RoutedPool, type PoolParts } from '../routed-pool/routed-pool.ts'
import { writeOrder } from '../server-selection/server-selection.ts'
import type { Servers } from '../servers/servers.ts'
import { timeBookmarkOf } from './time-bookmark.ts'

/** Options of `pool.session`. */
export interface SessionOptions {
  /**
   * The `bookmark()` of another session, of this process or another. If it cannot be read (cut short, or from another database), the
   * session's first read asks the primary.
   */
  readonly bookmark?: string | undefined
  /** What its reads must show. Default: the pool's `consistency`. */
  readonly consistency?: Consistency | undefined
  /**
   * Whether the bookmark certainly comes from this app. `false` is for unsigned bookmarks from outside: if the primary does not know
   * such a position, the session goes on from the primary's without a `position-lost` event. If
   * trusted, an unknown position counts as lost only once every server has denied it. Default true.
   */
  readonly trusted?: boolean | undefined
  /** The name of the route that it is for, such as `GET /reports/:id`: see the pool's option `modes`. Default: none. */
  readonly route?: string | undefined
}

/**
 * A session: its reads show everything that was written and seen in it before, whichever servers answer. It is a handle of the pool,
 * so it can be passed on where there is no async context.
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
   * The bookmark with which another session can go on from here: up to 40 characters, safe in a URL and a header. It begins with
   * `unknown` if only the primary is known to show everything. `undefined` if there is nothing to show, or every server is known to
   * show it. Costs no round trip.
   */
  bookmark(): string | undefined {
    return bookmarkOf(this.#state, this.#servers)
  }

  /** One of its statements failed because nothing could be written, or no server be reached: see `isUnavailableError`. */
  get unavailable(): boolean {
    return this.#state.unavailable
  }

  /** @internal Calls back once none of its writes is on its way any more; at once if that is so. */
  whenWritten(callback: () => void): void {
    this.#state.whenWritten(callback)
  }

  /** @internal Calls back whenever something in it that may write begins, and when it has ended: before its caller is told. */
  onWrite(callback: () => void): void {
    this.#state.onWrite = callback
  }

  /** Runs `work` in this session: what it, and everything that it starts, runs on the pool belongs to the session. */
  run<T>(work: () => T): T {
    return currentSession.run(this.#servers.scope, this.#state, work)
  }
}

const NAMES: readonly (keyof SessionOptions)[] = ['bookmark', 'consistency', 'trusted', 'route']

/** @throws OptionError for a wrong name or a wrong `consistency`. Any bookmark is accepted. */
export function parseSessionOptions(from: string | SessionOptions | undefined): SessionOptions {
  // Stores return null for what they do not have.
  if (typeof from !== 'object' || from === null) return { bookmark: from ?? undefined }
  checkNames(from, NAMES)
  if (from.consistency !== undefined && !isConsistency(from.consistency)) {
    throw new OptionError('consistency', `consistency must be ${CONSISTENCIES}.`)
  }
  if (from.route !== undefined && typeof from.route !== 'string') {
    throw new OptionError('route', `route must be the name of a route, but it is ${describeValue(from.route)}.`)
  }
  return from.bookmark === null ? { ...from, bookmark: undefined } : from
}

/**
 * @param vouched - what certainly comes from this app, where the bookmark does not.
 * @param draw - its lot among the sessions, for the pool's option `modes`.
 * @internal
 */
export function newSessionState(
  { bookmark, consistency, trusted, route, vouched }: SessionOptions & { readonly vouched?: Bookmark | undefined },
  draw: number = Math.random(),
): SessionState {
  const lot = { draw, route }
  if (bookmark === undefined) return new SessionState(undefined, { consistency, lot })
  const knownUntil = parseTimeBookmark(bookmark)
  const beginning = { consistency, trusted, vouched, beganAt: performance.now(), knownUntil, lot }
  return new SessionState(positionIn(bookmark) ?? 'unknown', beginning)
}

/** @internal `lsn` is 0 where it tells a timeline alone. */
export function positionIn(text: string | undefined): Bookmark | undefined {
  return parseBookmark(text) ?? parseUnknownFrom(text)
}

/** @internal */
export function bookmarkOf(state: SessionState, { engine, listed, monitor }: Servers): string | undefined {
  // What it is about to write has no position yet, and the primary will have it.
  if (state.writing) return unknownBookmark(state.timeline)
  const { positions } = engine
  state.settleHome(positions, performance.now(), writeOrder(monitor.topology)[0]?.name)
  const time = timeBookmarkOf(state, engine)
  if (time !== undefined) return formatTimeBookmark(time)
  // What was read from a server that does not tell its position has none.
  const isPositioned = state.home === undefined || positions.askable(state.home.server) === 'yes'
  const { bookmark } = state
  if (state.blind || !isPositioned || bookmark?.lsn === 0n) return unknownBookmark(state.timeline)
  if (bookmark === undefined) return undefined
  // By name, because the roles in the list are those of the configuration.
  const isUp = (name: string): boolean =>
    monitor.topology.servers.some((server) => server.name === name && server.health === 'up')
  const showsEverywhere = (name: string): boolean =>
    [positions.of(name), ...positions.all(name)].every((known) => shows(known, bookmark, positions) === 'yes')
  const everywhere = listed.length > 1 && listed.every(({ name }) => isUp(name) && showsEverywhere(name))
  return everywhere ? undefined : formatBookmark(bookmark)
}
