import { reduceDashboard } from '../state/reduce-dashboard.ts'
import { reasonWords } from '../state/route-words.ts'
import type { DashboardEvent, DashboardState, PoolServer } from '../state/dashboard-state.ts'
import { bytes, duration, whole } from '../state/format.ts'
import { createChart } from './chart.ts'
import { follow } from './connection.ts'
import { apply, byId, h, keyed, setText } from './dom.ts'
import { createTimelineView } from './timeline-view.ts'

const problems = h('ul')
byId('problems').append(h('h2', { id: 'problems-title' }, 'What to do'), problems)

const servers = h('ul', { class: 'server-list' })
byId('servers').append(h('h2', { id: 'servers-title' }, 'Servers'), servers)

const chart = createChart([
  { label: 'p99', colour: '--plain' },
  { label: 'median', colour: '--accent', filled: true },
])
const [rate, latency] = [h('p', { class: 'hint' }), h('ul', { class: 'bars' })]
byId('traffic').append(
  h('h2', { id: 'traffic-title' }, 'Statements'),
  rate,
  chart.element,
  h(
    'p',
    { class: 'hint' },
    h('span', { class: 'key' }, 'median'),
    h('span', { class: 'key plain' }, '99th percentile'),
  ),
  latency,
)

const routes = h('ul', { class: 'bars' })
byId('routes').append(
  h('h2', { id: 'routes-title' }, 'Why they ran where they ran'),
  h('p', { class: 'hint' }, 'Since somebody began to look.'),
  routes,
)
/** What the chart shows already: a second brings one more, and two updates. */
let drawn: DashboardState['seconds'] | undefined
const timeline = createTimelineView(byId('timeline'), 'No problems and no promotions so far.')

function show(state: DashboardState): void {
  const up = state.servers.filter(({ health }) => health === 'up').length
  const all = state.servers.length
  setText(
    byId('headline'),
    state.quiet
      ? 'The pool is quiet'
      : up === all
        ? `All ${all} servers are up`
        : `${up} of ${all} servers ${up === 1 ? 'is' : 'are'} up`,
  )
  setText(byId('sub'), subOf(state))
  setText(byId('where'), state.region === undefined ? '' : `as seen from ${state.region}`)
  byId('problems').hidden = state.problems.length === 0
  keyed(
    problems,
    state.problems,
    (problem) => problem,
    (problem) => h('li', {}, problem),
  )
  keyed(
    servers,
    state.servers,
    ({ name }) => name,
    ({ name }) =>
      h(
        'li',
        { class: 'card' },
        h('div', {}, h('h3', { class: 'name' }, name), h('p', { class: 'role' })),
        h('p', { class: 'uses' }),
        h('dl'),
      ),
    updateServer,
  )
  const last = state.seconds.at(-1)
  setText(
    rate,
    last === undefined
      ? 'None yet.'
      : `${whole(last.statements)} in the last second${last.failed > 0 ? `, ${whole(last.failed)} failed` : ''}.`,
  )
  if (drawn !== state.seconds) {
    drawn = state.seconds
    chart.update(
      drawn.map(({ at }) => at / 1_000),
      [drawn.map(({ p99 }) => p99), drawn.map(({ median }) => median)],
    )
  }
  const slowest = Math.max(...state.latency.map(({ p99 }) => p99 ?? 0), 1)
  bars(
    latency,
    state.latency.map(({ server, median, p99 }) => ({
      name: server,
      share: (p99 ?? 0) / slowest,
      value: median === undefined ? '–' : duration(median),
      note: `99th percentile ${told(p99)}`,
    })),
  )
  const total = Object.values(state.reasons).reduce((sum, count) => sum + count, 0)
  bars(
    routes,
    Object.entries(state.reasons)
      .toSorted(([, a], [, b]) => b - a)
      .map(([reason, count]) => ({
        name: reason,
        share: count / total,
        value: whole(count),
        note: reasonWords(reason),
      })),
  )
  timeline(state.told)
}

function subOf({ servers: all, problems: wrong }: DashboardState): string {
  const writer = all.find(({ writeTo }) => writeTo)
  const reader = all.find(({ readFrom }) => readFrom)
  const where = `Writes go to ${writer?.name ?? 'nobody'}, reads to ${reader?.name ?? 'nobody'}.`
  return wrong.length === 0 ? `${where} There is nothing to do.` : where
}

function updateServer(card: Element, server: PoolServer): void {
  const { role, health, rttMs, lsn, connections } = server
  apply(card, { 'data-role': role, 'data-health': health })
  const set = (selector: string, text: string): void => {
    const element = card.querySelector(selector)
    if (element !== null) setText(element, text)
  }
  set('.role', health === 'up' ? role : `${role} · ${health}`)
  set('.uses', usesOf(server))
  const facts: readonly (readonly [string, string])[] = [
    ['distance', told(rttMs)],
    ['behind', behindWords(server)],
    ['position', lsn ?? '–'],
    ['connections', connectionWords(connections)],
  ]
  const list = card.querySelector('dl')
  if (list === null) return
  keyed(
    list,
    facts,
    ([term]) => term,
    ([term]) => h('div', {}, h('dt', {}, term), h('dd')),
    (row, [, value]) => setText(row.lastElementChild ?? row, value),
  )
}

function usesOf({ readFrom, writeTo }: PoolServer): string {
  if (!readFrom && !writeTo) return ''
  return `takes ${[...(writeTo ? ['writes'] : []), ...(readFrom ? ['reads'] : [])].join(' and ')}`
}

/** Of one that is down only what it was is known. */
function behindWords({ role, health, lagBytes, stalenessMs }: PoolServer): string {
  if (role === 'primary' || health === 'down') return '–'
  if (lagBytes === undefined) return 'not known'
  return stalenessMs === undefined ? bytes(lagBytes) : `${bytes(lagBytes)} · ${duration(stalenessMs)}`
}

/** `10, 2 idle`; who waits for one is worth a word. */
function connectionWords({ total, idle, waiting }: PoolServer['connections']): string {
  return `${total}, ${waiting > 0 ? `${waiting} waiting` : `${idle} idle`}`
}

interface Bar {
  readonly name: string
  readonly share: number
  readonly value: string
  /** Below it, in words. */
  readonly note: string
}

function bars(list: HTMLElement, all: readonly Bar[]): void {
  keyed(
    list,
    all,
    ({ name }) => name,
    ({ name }) => h('li', {}, h('b', {}, name), h('progress', { max: 1, 'aria-label': name }), h('span'), h('small')),
    (row, { share, value, note }) => {
      const bar = row.querySelector('progress')
      const [figure, words] = row.querySelectorAll('span, small')
      if (bar !== null) bar.value = share
      if (figure !== undefined) setText(figure, value)
      if (words !== undefined) setText(words, note)
    },
  )
}

function told(ms: number | undefined): string {
  return ms === undefined ? '–' : duration(ms)
}

follow<DashboardState, DashboardEvent>({
  parse: (message) => JSON.parse(message),
  reduce: (before, event) => {
    if (event.type === 'snapshot') return event.state
    return before === undefined ? undefined : reduceDashboard(before, event)
  },
  show,
})
