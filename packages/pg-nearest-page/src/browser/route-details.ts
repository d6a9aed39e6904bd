import { duration } from '../state/format.ts'
import { cityOf } from '../state/reduce-world.ts'
import { proofWords, reasonWords } from '../state/route-words.ts'
import type { StatementFacts, WorldState } from '../state/world-state.ts'
import { h } from './dom.ts'
import { timeOfDay } from './time-of-day.ts'

const NEXT_DOOR_MS = 5

/** How a statement was routed: the plan, the attempts, and what its answer was proven to show. */
export function routeDetails(statement: StatementFacts, state: WorldState): Node[] {
  const { at, choices, error, reason, region, server, sessions, text } = statement
  const role = choices.find((choice) => choice.server === server)?.role
  return [
    h('p', {}, h('code', {}, text)),
    h(
      'dl',
      {},
      h('dt', {}, 'Plan'),
      h('dd', {}, error === undefined ? reasonWords(reason ?? '') : 'It failed.'),
      h('dt', {}, 'Attempts'),
      h('dd', {}, h('ol', {}, ...attemptsOf(statement, state).map((attempt) => h('li', {}, attempt)))),
      h('dt', {}, 'Proof'),
      h('dd', {}, error === undefined ? proofWords(reason ?? '', role, sessions) : 'There is no answer to prove.'),
    ),
    h('p', { class: 'hint' }, `What the app in ${cityOf(state, region)} knew at ${timeOfDay(at)}, nearest first:`),
    h(
      'div',
      // It scrolls where the page is narrow, by keyboard, too.
      { class: 'wide', role: 'region', 'aria-label': 'Servers, as its app knew them', tabindex: 0 },
      h(
        'table',
        {},
        h('thead', {}, row('th', ['server', 'role', 'health', 'distance', 'shows up to', 'use'])),
        h(
          'tbody',
          {},
          ...choices.map((choice) =>
            row('td', [
              choice.server,
              choice.role,
              choice.health,
              choice.rttMs === undefined ? '–' : duration(choice.rttMs),
              choice.lsn ?? '–',
              useOf(choice, server),
            ]),
          ),
        ),
      ),
    ),
  ]
}

function attemptsOf({ failed, error, ms, region, rttMs, server }: StatementFacts, state: WorldState): string[] {
  const before = failed.map((attempt) => `${cityOf(state, attempt.server)}: ${attempt.why}`)
  if (error !== undefined) return [...before, error]
  const trips =
    rttMs === undefined || rttMs < NEXT_DOOR_MS
      ? ''
      : `, which is ${(ms / rttMs).toFixed(1)} round trips of the ${duration(rttMs)} from ${cityOf(state, region)}`
  return [...before, `${cityOf(state, server ?? '?')} answered after ${duration(ms)} in all${trips}.`]
}

function useOf({ server, readFrom, writeTo }: StatementFacts['choices'][number], answered: string | undefined): string {
  if (server === answered) return 'answered'
  return writeTo ? 'takes writes' : readFrom ? 'takes reads' : ''
}

function row(name: 'th' | 'td', cells: readonly string[]): HTMLTableRowElement {
  return h('tr', {}, ...cells.map((cell) => h(name, name === 'th' ? { scope: 'col' } : {}, cell)))
}
