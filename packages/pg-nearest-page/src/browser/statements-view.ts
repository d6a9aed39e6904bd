import { duration } from '../state/format.ts'
import type { StatementFacts, WorldState } from '../state/world-state.ts'
import { apply, h, keyed } from './dom.ts'
import { routeDetails } from './route-details.ts'

const SHOWN = 14

/** The latest statements, some of many; each opens to how it was routed. */
export function createStatementsView(root: HTMLElement): (state: WorldState) => void {
  let held: readonly StatementFacts[] | undefined
  const hold = h('button', { type: 'button', class: 'button small quiet', 'aria-pressed': 'false' }, 'Hold still')
  const list = h('ol', { class: 'statement-list', reversed: true })
  let latest: WorldState | undefined
  const setHeld = (holds: boolean): void => {
    held = holds ? latest?.statements : undefined
    apply(hold, { 'aria-pressed': String(holds) })
  }
  hold.addEventListener('click', () => setHeld(held === undefined))
  // What somebody reads, or has opened, must not run away.
  list.addEventListener(
    'toggle',
    () => list.querySelector('details[open]') !== null && held === undefined && setHeld(true),
    true,
  )
  root.append(
    h('div', { class: 'heading' }, h('h2', { id: 'statements-title' }, 'Statements'), hold),
    h('p', { class: 'hint' }, 'Some of the latest; open one to see how it was routed.'),
    list,
  )
  return (state) => {
    latest = state
    keyed(
      list,
      (held ?? state.statements).slice(-SHOWN).toReversed(),
      ({ id }) => String(id),
      (statement) => createRow(statement, state),
    )
  }
}

function createRow(statement: StatementFacts, state: WorldState): HTMLLIElement {
  const { region, text, server, reason, ms, error, rttMs } = statement
  const route = h('div', { class: 'route' })
  const details = h(
    'details',
    { toggle: () => details.open && route.childElementCount === 0 && route.append(...routeDetails(statement, state)) },
    h(
      'summary',
      {},
      h('span', { class: 'where' }, region),
      h('code', {}, text),
      h(
        'span',
        { class: server === region ? 'server' : 'server away' },
        error === undefined ? `${server ?? '?'} · ${reason ?? ''}` : 'failed',
      ),
      h('span', { class: 'trips' }, tripsOf(ms, rttMs)),
      h('span', { class: 'ms' }, duration(ms)),
    ),
    route,
  )
  return h('li', { class: error === undefined ? '' : 'failed' }, details)
}

/** How many round trips of that distance its time is; next door there is no distance to speak of. */
function tripsOf(ms: number, rttMs: number | undefined): string {
  if (rttMs === undefined || rttMs < 5) return 'next door'
  const trips = Math.max(1, Math.round(ms / rttMs))
  return trips === 1 ? '1 trip' : `${trips} trips`
}
