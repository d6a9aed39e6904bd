export { ActionRefused, createPageHandler, type PageHandler, type PageOptions } from './server/page-handler.ts'
export { pathOf, startPageServer, type PageServer, type PageServerOptions } from './server/start-page-server.ts'
export { initialDashboard, reduceDashboard } from './state/reduce-dashboard.ts'
export { initialWorld, reduceWorld } from './state/reduce-world.ts'
export type {
  Choice,
  Counters,
  Crossing,
  FailedTry,
  LatencySample,
  LinkFacts,
  PlaceFacts,
  Reading,
  ServerFacts,
  StatementFacts,
  Told,
  WorldEvent,
  WorldState,
} from './state/world-state.ts'
export type { DashboardEvent, DashboardState, PoolServer, RegionLatency, Second } from './state/dashboard-state.ts'
