import type { LatencySample, Told, WorldEvent, WorldState } from './world-state.ts'

const MOST_STATEMENTS = 60
const MOST_TOLD = 100
/** Two minutes of seconds. */
const MOST_TIMES = 120

export function initialWorld(
  given: Pick<WorldState, 'primary' | 'version' | 'places' | 'candidates' | 'app'>,
): WorldState {
  return {
    ...given,
    servers: [],
    links: [],
    reading: {},
    statements: [],
    told: [],
    latency: {},
    times: [],
    counters: {
      reads: 0,
      writes: 0,
      readsFailed: 0,
      writesLost: 0,
      writesDoubled: 0,
      sessionsBack: 0,
      leftBehind: 0,
    },
    sessions: true,
    busy: undefined,
    chaos: undefined,
    crosses: false,
    crossing: undefined,
  }
}

/** What the page shows once this has happened. The server and every browser go by it, so that all see the same. */
export function reduceWorld(state: WorldState, event: WorldEvent): WorldState {
  switch (event.type) {
    case 'snapshot':
      return event.state
    case 'world':
      return { ...state, primary: event.primary, places: event.places, candidates: event.candidates }
    case 'servers':
      return { ...state, servers: event.servers }
    case 'links':
      return { ...state, links: event.links }
    case 'reading':
      return readingFrom(state, event)
    case 'statements':
      return { ...state, statements: [...state.statements, ...event.statements].slice(-MOST_STATEMENTS) }
    case 'latency':
      return withLatency(state, event.at, event.samples)
    case 'counters':
      return { ...state, counters: event.counters }
    case 'told':
      return tell(state, event.told)
    case 'busy':
      return { ...state, busy: event.what }
    case 'sessions':
      return { ...state, sessions: event.on }
    case 'chaos':
      return { ...state, chaos: event.chaos }
    case 'crosses':
      return { ...state, crosses: event.on }
    case 'crossing':
      return { ...state, crossing: event.crossing }
  }
}

/** `Chicago`, of a region that is in the world or may join it. */
export function cityOf({ places, candidates }: Pick<WorldState, 'places' | 'candidates'>, region: string): string {
  return [...places, ...candidates].find((place) => place.region === region)?.city ?? region
}

type ReadingEvent = Extract<WorldEvent, { type: 'reading' }>

function readingFrom(state: WorldState, { region, from, reason, at }: ReadingEvent): WorldState {
  const before = state.reading[region]
  const next = { ...state, reading: { ...state.reading, [region]: from } }
  if (before === undefined || before === from) return next
  const failed = state.counters.readsFailed
  const none = failed === 0 ? 'No read failed.' : `${failed} reads have failed so far.`
  const where = from === region ? 'next door again' : `from ${cityOf(state, from)} now`
  return tell(next, { at, tone: 'turn', text: `${cityOf(state, region)} reads ${where} (${reason}). ${none}` })
}

function tell(state: WorldState, told: Told): WorldState {
  return { ...state, told: [...state.told, told].slice(-MOST_TOLD) }
}

/** A region that has joined has had nothing before. */
function withLatency(state: WorldState, at: number, samples: readonly LatencySample[]): WorldState {
  const latency = Object.fromEntries(
    samples.map((sample) => {
      const before =
        state.latency[sample.region] ??
        state.times.map(() => ({ region: sample.region, nearest: undefined, plain: undefined, write: undefined }))
      return [sample.region, [...before, sample].slice(-MOST_TIMES)]
    }),
  )
  return { ...state, latency, times: [...state.times, at].slice(-MOST_TIMES) }
}
