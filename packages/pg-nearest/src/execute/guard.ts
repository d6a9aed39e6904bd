import type { Lease } from '../monitor/server-connections.ts'
import { isConnectionLoss } from '../server-failure.ts'
import { laterBookmark, shows, type Bookmark } from '../session/bookmark.ts'
import type { Consistency } from '../session/consistency.ts'
import type { LostPosition, SessionState } from '../session/session-state.ts'
import { formatLsn } from '../topology/position.ts'
import { positionWithin } from '../topology/staleness.ts'
import { isWriterGone, writeOrder } from '../topology/selection.ts'
import { BehindError } from './behind-error.ts'
import type { Engine } from './engine.ts'
import { orderByFreshness, type Outlook } from './fresh-order.ts'
import { nearMs, patienceMs, waitMs } from './patience.ts'
import { homeOf, planPrimary, type Attempt } from './plan.ts'
import type { Said } from './position-query.ts'
import type { Rider } from './run-statement.ts'

/** `trust`: it runs there whatever that server shows: it is pinned, or nobody else is left. */
export type Trust = 'prove' | 'trust'

export function trusts({ unproven }: Attempt): Trust {
  return unproven === true ? 'trust' : 'prove'
}

/**
 * What one statement of a session must show, from the moment it begins; and what it has shown, once it has ended. Its
 * questions travel with the statement, so it costs no trip of its own.
 */
export class Guard {
  readonly #engine: Engine
  readonly #session: SessionState
  /** Everything up to here, whoever answers. */
  readonly #required: Bookmark | undefined
  /** Only the primary is sure to show it; and why. */
  readonly #primary: 'strong' | 'lagging' | undefined
  readonly #reads: boolean
  readonly #begunAt: number = performance.now()
  #patience: number | undefined

  constructor(engine: Engine, session: SessionState, consistency: Consistency, reads: boolean) {
    this.#engine = engine
    this.#session = session
    this.#reads = reads
    if (session.home !== undefined) session.settleHome(engine.positions.of(session.home.server))
    const { required, primary } = reads ? demand(engine, session, consistency) : { required: session.bookmark }
    this.#required = required
    this.#primary = primary
  }

  /** The planned servers of a read, in the order that suits what it must show. */
  order(attempts: readonly Attempt[]): readonly Attempt[] {
    const { topology } = this.#engine
    const [first] = attempts
    if (first === undefined || (this.#primary === undefined && this.#outlook(first.server) === 'shows')) return attempts
    const sure =
      this.#primary === undefined
        ? orderByFreshness(attempts, (server) => this.#outlook(server))
        : planPrimary(topology, this.#primary)
    if (this.#session !== this.#engine.process || this.#primary === 'strong') return sure
    // Nobody is worth waiting for who is known to be gone: whoever answers tells what it has.
    const reachable = !isWriterGone(topology) ? sure : sure.filter(({ server }) => this.#outlook(server) === 'shows')
    return [...reachable, ...attempts.map(({ server }): Attempt => ({ server, reason: 'unproven', unproven: true }))]
  }

  /**
   * The questions that a statement must take along on this connection: none where everything is known.
   *
   * @param mayFollow - whether a question may be sent behind it.
   * @throws BehindError if the server is known not to show what it must.
   */
  begin({ server, standby, connectedAt }: Lease, trust: Trust, mayFollow = true): Rider | undefined {
    const proves = this.#reads && standby && trust === 'prove'
    if (proves && this.#primary !== undefined) throw new BehindError(server)
    const ahead = proves && !this.#isProven(server, connectedAt)
    const behind = mayFollow && (this.#session.blind || !this.#isHome(server) || (!standby && !this.#hasAll(server)))
    if (!ahead && !behind) return undefined
    const stranger = this.#systemIdentifier(server) === undefined
    return { ahead, behind, stranger, sentAt: performance.now(), saidAhead: undefined, saidBehind: undefined }
  }

  /**
   * A statement has ended: takes in what its questions brought along.
   *
   * @throws BehindError if the server did not show what it must; nothing of what it said counts then.
   */
  end(lease: Lease, trust: Trust, rider: Rider | undefined, ended: boolean): void {
    if (rider?.ahead === true) this.#check(lease, rider)
    if (rider?.behind === true) this.#note(lease, rider, trust, ended)
    else if (this.#isHome(lease.server)) this.#useHome(lease.server)
    else if (!ended && !this.#reads) this.lookAway()
  }

  /** Runs a statement between `begin` and `end`. */
  async run<T>(lease: Lease, trust: Trust, send: (rider?: Rider) => Promise<T>, mayFollow = true): Promise<T> {
    const rider = this.begin(lease, trust, mayFollow)
    let result: T
    try {
      result = await send(rider)
    } catch (error) {
      if (!isConnectionLoss(error)) this.end(lease, trust, rider, false)
      throw error
    }
    this.end(lease, trust, rider, true)
    return result
  }

  /** Whether it is worth asking the same server again: waits as long as that costs next to nothing. Only once. */
  async catchesUp({ server, missing }: BehindError): Promise<boolean> {
    if (missing === undefined || this.#patience !== undefined) return false
    const { positions } = this.#engine
    this.#patience = patienceMs(this.#primaryRttMs(), this.#rttMs(server))
    const ms = waitMs(this.#patience, missing.bytes, positions.paceOf(server))
    return ms > 0 && this.#engine.reached(server, missing.lsn, ms)
  }

  /** Something is seen through a channel that says nothing of positions. */
  lookAway(): void {
    this.#session.loseSight(performance.now())
  }

  /** What goes there is in sight without being asked about: the reads of this process, where it reads anyway. */
  #isHome(server: string): boolean {
    const { topology, chooser, process } = this.#engine
    return this.#session === process && server === homeOf(topology, chooser)
  }

  /** Whether this connection's server was seen to show it, since the connection was made: it never goes backwards. */
  #isProven(server: string, connectedAt: number): boolean {
    this.#throwIfElsewhere(server)
    if (this.#required === undefined) return true
    const known = this.#engine.positions.of(server)
    const showing = shows(known, this.#required, this.#engine.positions)
    if (showing === 'older' || showing === 'lost' || showing === 'foreign') throw new BehindError(server)
    return showing === 'yes' && known !== undefined && known.at >= connectedAt
  }

  /** What was read at home needs no proof there; anywhere else nobody knows what to prove. */
  #throwIfElsewhere(server: string): void {
    const { home } = this.#session
    if (home === undefined) return
    if (home.server !== server || home.epoch !== this.#engine.positions.epochOf(server)) throw new BehindError(server)
  }

  #check({ server }: Lease, { saidAhead, sentAt }: Rider): void {
    const { positions } = this.#engine
    const required = this.#required
    if (saidAhead !== undefined) positions.note(server, noted(saidAhead, sentAt))
    if (required === undefined || saidAhead?.standby === false) return
    const behind = saidAhead === undefined || saidAhead.lsn < required.lsn
    positions.noteBehind(server, behind)
    if (!behind) return
    if (saidAhead === undefined) throw new BehindError(server)
    throw new BehindError(server, { lsn: required.lsn, bytes: required.lsn - saidAhead.lsn })
  }

  #note(lease: Lease, { saidBehind, sentAt }: Rider, trust: Trust, ended: boolean): void {
    const { server } = lease
    const session = this.#session
    const position = saidBehind === undefined ? undefined : this.#bookmarkOf(server, saidBehind)
    if (saidBehind === undefined || position === undefined || saidBehind.standby !== lease.standby) {
      if (ended) session.loseSight(performance.now())
      return
    }
    this.#engine.positions.note(server, { ...noted(saidBehind, sentAt), timeline: position.timeline })
    if (saidBehind.standby) return session.show(position)
    if (
      this.#reads &&
      trust === 'prove' &&
      this.#required !== undefined &&
      shows(position, this.#required, this.#engine.positions) === 'older'
    ) {
      // A primary that was replaced and does not know it.
      throw new BehindError(server)
    }
    const lost = session.arrivedAtPrimary(position, this.#begunAt, this.#demanded(server), this.#engine.positions)
    // What is written in any session was written in this process, too; and what a standby refused may have been a write.
    if ((!this.#reads || trust === 'trust') && session !== this.#engine.process) this.#engine.process?.show(position)
    if (lost !== undefined) this.#tellLoss(server, lost)
  }

  /** This primary has it all, as far as is known: a promotion has lost nothing of it. */
  #hasAll(server: string): boolean {
    const { positions } = this.#engine
    return this.#required === undefined || shows(positions.of(server), this.#required, positions) === 'yes'
  }

  /** What the primary should have: what is known, and what was written at home before home was lost. */
  #demanded(primary: string): Bookmark | undefined {
    const { home, homeUsedAt } = this.#session
    const last =
      home === undefined || home.server === primary ? undefined : this.#engine.positions.beforeLoss(home.server)
    if (last?.standby !== false || last.timeline === undefined || last.systemIdentifier === undefined)
      return this.#required
    const { systemIdentifier, timeline, lsn } = last
    const beyond = homeUsedAt > last.at ? 1n : 0n
    return laterBookmark(this.#required, { systemIdentifier, timeline, lsn: lsn + beyond, certain: true })
  }

  #bookmarkOf(server: string, said: Said): Bookmark | undefined {
    const systemIdentifier = said.systemIdentifier ?? this.#systemIdentifier(server)
    const timeline = said.timeline ?? this.#engine.positions.of(server)?.timeline
    if (systemIdentifier === undefined || timeline === undefined) return undefined
    const position = { systemIdentifier, timeline, lsn: said.lsn }
    return said.standby ? position : { ...position, certain: true }
  }

  #systemIdentifier(server: string): string | undefined {
    return this.#engine.positions.of(server)?.systemIdentifier
  }

  #useHome(server: string): void {
    this.#session.useHome(server, this.#engine.positions.epochOf(server), performance.now())
  }

  #outlook(server: string): Outlook {
    const { positions, topology } = this.#engine
    if (writeOrder(topology).some(({ name }) => name === server)) return 'primary'
    const { home } = this.#session
    if (home !== undefined && (home.server !== server || home.epoch !== positions.epochOf(server))) return 'never'
    if (this.#required === undefined) return 'shows'
    const showing = shows(positions.of(server), this.#required, positions)
    if (showing === 'yes') return 'shows'
    if (showing === 'older' || showing === 'lost' || showing === 'foreign') return 'never'
    return (this.#rttMs(server) ?? 0) <= nearMs(this.#primaryRttMs()) ? 'near' : 'far'
  }

  #rttMs(server: string): number | undefined {
    return this.#engine.topology.servers.find(({ name }) => name === server)?.leastRttMs
  }

  #primaryRttMs(): number | undefined {
    return writeOrder(this.#engine.topology)[0]?.leastRttMs
  }

  #tellLoss(server: string, { lost, now }: LostPosition): void {
    const shown = ({ lsn, timeline }: Bookmark) => ({ lsn: formatLsn(lsn), timeline })
    this.#engine.onPositionLost({ server, region: this.#engine.regionOf(server), lost: shown(lost), now: shown(now) })
  }
}

interface Demand {
  readonly required: Bookmark | undefined
  readonly primary?: 'strong' | 'lagging'
}

function demand(engine: Engine, session: SessionState, consistency: Consistency): Demand {
  const required = session.bookmark
  if (consistency === 'strong') return { required, primary: 'strong' }
  if (session.blind) return { required, primary: 'lagging' }
  const [primary] = writeOrder(engine.topology)
  const known = primary === undefined ? undefined : engine.positions.of(primary.name)
  const ours = known?.systemIdentifier
  if (required !== undefined && ours !== undefined && ours !== required.systemIdentifier) {
    return { required, primary: 'lagging' }
  }
  if (typeof consistency === 'string') return { required }
  const lsn = positionWithin(engine.trail, Date.now(), consistency.maxStalenessMs)
  if (lsn === undefined || ours === undefined || known?.timeline === undefined) return { required, primary: 'lagging' }
  return { required: laterBookmark(required, { systemIdentifier: ours, timeline: known.timeline, lsn }) }
}

function noted({ lsn, timeline, systemIdentifier, standby }: Said, at: number) {
  return {
    lsn,
    at,
    standby,
    ...(timeline === undefined ? {} : { timeline }),
    ...(systemIdentifier === undefined ? {} : { systemIdentifier }),
  }
}
