import type { DashboardEvent, DashboardState, PoolServer } from 'pg-nearest-page'
import type { PositionLostEvent, PrimaryEvent, ProblemEvent, QueryEvent } from '../events/event-types.ts'
import type { NearestPool } from '../pool/nearest-pool.ts'
import type { ServerStatus } from '../servers/status.ts'
import { createQueryTally } from './query-tally.ts'

const EVERY_MS = 1_000

/** What a pool does, as events of the dashboard. */
export interface DashboardFeed {
  /** Begins to count statements, or ends it. */
  watch(watched: boolean): void
  close(): void
}

type Happen = (event: DashboardEvent) => void

/** Problems and promotions are told from the beginning, statements and the status only while somebody watches. */
export function startDashboardFeed(pool: NearestPool, happen: Happen): DashboardFeed {
  const tell = (tone: 'wrong' | 'turn', text: string): void =>
    happen({ type: 'told', told: { at: Date.now(), tone, text } })
  const onProblem = ({ message }: ProblemEvent): void => tell('wrong', message)
  const onPrimary = ({ server, before }: PrimaryEvent): void =>
    tell('turn', `Writes go to ${server} now${before === undefined ? '' : `, and went to ${before} before`}.`)
  const onLost = ({ server, lost, now }: PositionLostEvent): void =>
    tell('wrong', `A session had seen ${lost.lsn}, which ${server} does not have; it goes on from ${now.lsn}.`)
  pool.on('problem', onProblem).on('primary', onPrimary).on('position-lost', onLost)

  const look = (): void => happen({ type: 'status', status: statusFor(pool) })
  let stop = (): void => undefined
  const start = (): (() => void) => {
    const tally = createQueryTally()
    const onQuery = (event: QueryEvent): void => tally.add(event)
    pool.on('query', onQuery)
    const timer = setInterval(() => {
      look()
      happen(tally.take(Date.now()))
    }, EVERY_MS)
    timer.unref()
    return () => {
      pool.off('query', onQuery)
      clearInterval(timer)
    }
  }

  return {
    watch(watched) {
      stop()
      if (watched) look()
      stop = watched ? start() : () => undefined
    },
    close() {
      stop()
      pool.off('problem', onProblem).off('primary', onPrimary).off('position-lost', onLost)
    },
  }
}

function statusFor(pool: NearestPool): Pick<DashboardState, 'region' | 'quiet' | 'servers' | 'problems'> {
  const { region, quiet, servers, problems } = pool.status()
  return { region, quiet, servers: servers.map(serverOf), problems }
}

function serverOf(server: ServerStatus): PoolServer {
  const { name, region, role, health, rttMs, lsn, lagBytes, stalenessMs, readFrom, writeTo, connections } = server
  return { name, region, role, health, rttMs, lsn, lagBytes, stalenessMs, readFrom, writeTo, connections }
}
