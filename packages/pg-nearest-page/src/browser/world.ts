import { regionCount } from '../state/format.ts'
import { reduceWorld } from '../state/reduce-world.ts'
import type { WorldEvent, WorldState } from '../state/world-state.ts'
import { act } from './actions.ts'
import { follow } from './connection.ts'
import { createCountersView } from './counters-view.ts'
import { apply, byId, setText } from './dom.ts'
import { createExperimentView } from './experiment-view.ts'
import { createInspector } from './inspector.ts'
import { createMapView } from './map-view.ts'
import { createRegionCards } from './region-cards.ts'
import type { Selection } from './selection.ts'
import { createStatementsView } from './statements-view.ts'
import { createTimelineView } from './timeline-view.ts'

let state: WorldState | undefined
let chosen: string | undefined
const selection: Selection = {
  get region() {
    return chosen
  },
  choose(region) {
    chosen = region
    if (state !== undefined) show(state)
  },
}

const views = [
  createCountersView(byId('counters')),
  createMapView(byId('map'), selection),
  createInspector(byId('inspector'), selection),
  createRegionCards(byId('cards'), selection),
  createExperimentView(byId('crossing')),
  createStatementsView(byId('statements')),
]
const timeline = createTimelineView(byId('timeline'), 'Nothing yet. Kill a server.')

const [sessions, chaos, app] = [byId('sessions'), byId('chaos'), byId('app-link')]
sessions.addEventListener('click', () => void act({ do: 'sessions', on: state?.sessions === false }))
chaos.addEventListener('click', () => void act({ do: 'chaos', on: state?.chaos === undefined }))

function show(next: WorldState): void {
  state = next
  chosen ??= next.places.find(({ region }) => region !== next.primary)?.region
  for (const view of views) view(next)
  timeline(next.told)
  setText(byId('how-many'), regionCount(next.places.length))
  setText(
    byId('about'),
    `PostgreSQL ${next.version}, on this machine. Reload the page whenever you like: the world goes on.`,
  )
  apply(sessions, { 'aria-checked': String(next.sessions) })
  const left = next.chaos === undefined ? 0 : Math.max(0, Math.round((next.chaos.endsAt - Date.now()) / 1_000))
  setText(chaos, next.chaos === undefined ? 'Chaos for a minute' : `End the chaos (${left} s)`)
  chaos.classList.toggle('on', next.chaos !== undefined)
  apply(app, { href: next.app, hidden: next.app === undefined })
  document.body.classList.toggle('busy', next.busy !== undefined)
}

follow<WorldState, WorldEvent>({
  parse: (message) => JSON.parse(message),
  reduce: (before, event) => {
    if (event.type === 'snapshot') return event.state
    return before === undefined ? undefined : reduceWorld(before, event)
  },
  show,
})
