import type { DashboardEvent, DashboardState, PageOptions } from 'pg-nearest-page'
import type { NearestPool } from '../pool/nearest-pool.ts'
import { startDashboardFeed } from './dashboard-feed.ts'

type Page = Pick<typeof import('pg-nearest-page'), 'initialDashboard' | 'reduceDashboard'>

/** The page of a pool, wherever it is served; `publish` is called with all that happens. */
export interface PoolPage {
  readonly options: PageOptions
  close(): void
}

export function createPoolPage(
  { initialDashboard, reduceDashboard }: Page,
  pool: NearestPool,
  publish: (event: DashboardEvent) => void,
): PoolPage {
  let state: DashboardState = initialDashboard
  const feed = startDashboardFeed(pool, (event) => {
    state = reduceDashboard(state, event)
    publish(event)
  })
  return {
    options: {
      page: 'dashboard',
      snapshot: () => ({ type: 'snapshot', state }),
      onWatched: (watched) => feed.watch(watched),
    },
    close: () => feed.close(),
  }
}
