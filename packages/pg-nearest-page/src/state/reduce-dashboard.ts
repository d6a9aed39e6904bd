import type { DashboardEvent, DashboardState } from './dashboard-state.ts'

const MOST_TOLD = 100
/** Two minutes. */
const MOST_SECONDS = 120

export const initialDashboard: DashboardState = {
  region: undefined,
  quiet: false,
  servers: [],
  problems: [],
  reasons: {},
  latency: [],
  seconds: [],
  told: [],
}

/** What the dashboard shows once this has happened; the server and every browser go by it. */
export function reduceDashboard(state: DashboardState, event: DashboardEvent): DashboardState {
  switch (event.type) {
    case 'snapshot':
      return event.state
    case 'status':
      return { ...state, ...event.status }
    case 'second': {
      const { second, reasons, latency } = event
      return { ...state, reasons, latency, seconds: [...state.seconds, second].slice(-MOST_SECONDS) }
    }
    case 'told':
      return { ...state, told: [...state.told, event.told].slice(-MOST_TOLD) }
  }
}
