/** What requests of a route have cost, and when that is looked at again. */
interface Route {
  /** Round trips to the primary that the latest measured requests have waited for, the newest last. */
  readonly trips: readonly number[]
  /** Requests that were replayed, and so not measured, since the last one that was. */
  readonly unmeasured: number
}

/** Of so many requests the middle one counts, so that one that is out of the ordinary decides nothing. */
const REMEMBERED = 3
/** A habit may have changed: of so many replayed requests in a row the next one runs here, and is measured. */
const REPLAYS_IN_A_ROW = 20
const MOST_ROUTES = 1_000

/** Learns what requests of each route cost. Knows nothing of time, and remembers a thousand routes, those used last. */
export interface CostLearner {
  /** Round trips that a request of this route is expected to wait; `undefined`: let it run here and tell. */
  expect(route: string): number | undefined
  /** A request was replayed. */
  noteReplay(route: string): void
  /** A request ran here. */
  learn(route: string, trips: number): void
}

/**
 * Whether what a request cost says something of others of its route. A failure does not, nor does one that was turned away (401, 415) before it
 * came to what the route is there for.
 */
export function isTelling(status: number, trips: number): boolean {
  return status < 400 || (status < 500 && trips > 0)
}

export function createCostLearner(): CostLearner {
  const routes = new Map<string, Route>()
  const put = (name: string, route: Route): void => {
    routes.delete(name)
    routes.set(name, route)
    const [oldest] = routes.keys()
    if (routes.size > MOST_ROUTES && oldest !== undefined) routes.delete(oldest)
  }
  return {
    expect(name) {
      const route = routes.get(name)
      return route === undefined || route.unmeasured >= REPLAYS_IN_A_ROW ? undefined : median(route.trips)
    },
    noteReplay(name) {
      const { trips, unmeasured } = routes.get(name) ?? NEW
      put(name, { trips, unmeasured: unmeasured + 1 })
    },
    learn(name, trips) {
      const { trips: before, unmeasured } = routes.get(name) ?? NEW
      // After many replays the old ones say little: the new one counts by itself.
      const kept = unmeasured >= REPLAYS_IN_A_ROW ? [] : before.slice(1 - REMEMBERED)
      put(name, { trips: [...kept, trips], unmeasured: 0 })
    },
  }
}

const NEW: Route = { trips: [], unmeasured: 0 }

function median(values: readonly number[]): number | undefined {
  const order = values.toSorted((a, b) => a - b)
  const middle = order[Math.floor(order.length / 2)]
  const before = order[Math.ceil(order.length / 2) - 1]
  return middle === undefined || before === undefined ? undefined : (middle + before) / 2
}
