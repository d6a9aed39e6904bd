import type { DashboardEvent, DashboardState, PageOptions } from 'pg-nearest-page'
import type { NearestPool } from '../pool/nearest-pool.ts'
import { startDashboardFeed } from './dashboard-feed.ts'

type Page = Pick<typeof import('pg-nearest-page'), 'initialDashboard' | 'reduceDashboard'>

/** The page of a pool, wherever it is served; `publish` is called with all that happens. */
export interface DashboardStore {
  readonly options: PageOptions
  close(): void
}

export function createDashboardStore(
  { initialDashboard, reduceDashboard }: Page,
  pool: NearestPool,
  publish: (event: DashboardEvent) => void,
): DashboardStore {
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
