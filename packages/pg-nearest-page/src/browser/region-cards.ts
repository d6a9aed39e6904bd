import { duration } from '../state/format.ts'
import { cityOf } from '../state/reduce-world.ts'
import type { LatencySample, PlaceFacts, WorldState } from '../state/world-state.ts'
import { createChart, type Chart } from './chart.ts'
import { apply, h, keyed, setText } from './dom.ts'
import type { Selection } from './selection.ts'

interface Parts {
  readonly chart: Chart
  readonly name: Element
  readonly from: Element
  readonly nearest: Element
  readonly plain: Element
  readonly write: Element
  /** What the chart shows already. */
  drawn: readonly LatencySample[] | undefined
}

const NONE: readonly LatencySample[] = []

const parts = new WeakMap<Element, Parts>()

/** What a read takes in each region, with pg-nearest and with a plain pool to the primary. */
export function createRegionCards(root: HTMLElement, selection: Selection): (state: WorldState) => void {
  const list = h('ul')
  root.append(
    h('h2', { id: 'cards-title' }, 'What a read takes, and would take without pg-nearest'),
    h(
      'p',
      { class: 'hint' },
      h('span', { class: 'key nearest' }, 'pg-nearest'),
      h('span', { class: 'key plain' }, 'a plain pool to the first primary'),
      'over the last two minutes',
    ),
    list,
  )
  return (state) => {
    keyed(
      list,
      state.places,
      ({ region }) => region,
      (place) => createCard(place, selection),
      (card, { region }) => updateCard(card, state, region, selection.region === region),
    )
  }
}

function createCard({ region }: PlaceFacts, selection: Selection): HTMLLIElement {
  const chart = createChart([
    { label: 'plain', colour: '--plain' },
    { label: 'nearest', colour: '--accent', filled: true },
  ])
  const name = h('button', { type: 'button', class: 'name', click: () => selection.choose(region) })
  const [from, nearest, plain, write] = [h('p', { class: 'from' }), h('b'), h('span'), h('span')]
  const card = h(
    'li',
    { class: 'card' },
    h('h3', {}, name),
    from,
    h('p', { class: 'figure' }, nearest, h('span', { class: 'beside' }, 'plain ', plain)),
    chart.element,
    h('p', { class: 'write' }, 'a write ', write),
  )
  parts.set(card, { chart, name, from, nearest, plain, write, drawn: undefined })
  return card
}

function updateCard(card: Element, state: WorldState, region: string, chosen: boolean): void {
  const shown = parts.get(card)
  if (shown === undefined) return
  const samples = state.latency[region] ?? NONE
  const last = samples.at(-1)
  const reads = state.reading[region]
  setText(shown.name, cityOf(state, region))
  apply(shown.name, { 'aria-pressed': String(chosen) })
  setText(
    shown.from,
    reads === undefined ? '…' : reads === region ? 'reads next door' : `reads from ${cityOf(state, reads)}`,
  )
  card.classList.toggle('elsewhere', reads !== undefined && reads !== region)
  setText(shown.nearest, told(last?.nearest))
  setText(shown.plain, told(last?.plain))
  setText(shown.write, told(lastOf(samples, 'write')))
  // A second brings a sample, and several updates.
  if (shown.drawn === samples) return
  shown.drawn = samples
  shown.chart.update(
    state.times.slice(-samples.length).map((at) => at / 1_000),
    [samples.map(({ plain }) => plain), samples.map(({ nearest }) => nearest)],
  )
}

function told(ms: number | undefined): string {
  return ms === undefined ? '–' : duration(ms)
}

function lastOf(samples: readonly LatencySample[], what: 'write'): number | undefined {
  return samples.slice(-5).findLast((sample) => sample[what] !== undefined)?.[what]
}
