import { bytes, duration } from '../state/format.ts'
import { cityOf } from '../state/reduce-world.ts'
import type { LinkFacts, WorldState } from '../state/world-state.ts'
import { act } from './actions.ts'
import { apply, h, keyed, setText } from './dom.ts'
import type { Selection } from './selection.ts'
import { serverWords } from './map-view.ts'

const MOST_RTT_MS = 600
const MOST_LAG_S = 10

/** The chosen region: how its server is, what can be done to it, and its links. */
export function createInspector(root: HTMLElement, selection: Selection): (state: WorldState) => void {
  const name = h('h2')
  const role = h('p', { class: 'role' })
  const picker = h('select', {
    'aria-label': 'Region',
    change: () => selection.choose(picker.value),
  })
  const facts = h('dl')
  const actions = h('div', { class: 'actions' })
  const lag = slider(
    'Show commits late',
    { most: MOST_LAG_S, step: 0.5, unit: (s) => (s === 0 ? 'at once' : `${s} s`) },
    (s) => act({ do: 'lag', region: selection.region, ms: s * 1_000 }),
  )
  const links = h('ul', { class: 'links' })
  root.append(
    h('div', { class: 'inspector-head' }, h('div', {}, name, role), picker),
    facts,
    actions,
    lag.element,
    h('h3', {}, 'Links'),
    links,
  )

  return (state) => {
    const region = selection.region ?? state.primary
    const server = state.servers.find((each) => each.region === region)
    const away = state.busy !== undefined || state.chaos !== undefined
    setText(name, cityOf(state, region))
    setText(role, `${region} · ${serverWords(server)}`)
    keyed(
      picker,
      state.places,
      (place) => place.region,
      (place) => h('option', { value: place.region }, place.city),
    )
    if (picker.value !== region) picker.value = region
    keyed(
      facts,
      factsOf(state, region),
      ([term]) => term,
      ([term]) => h('div', {}, h('dt', {}, term), h('dd')),
      (row, [, value]) => setText(row.lastElementChild ?? row, value),
    )
    keyed(
      actions,
      actionsOf(state, region),
      ({ action }) => action,
      ({ action, label }) =>
        h('button', { type: 'button', click: () => void act({ do: action, region: selection.region }) }, label),
      (button, { label, harms }) => {
        setText(button, label)
        button.disabled = away
        apply(button, {
          class: `button ${harms ? 'harm' : 'quiet'}`,
          'aria-label': `${label} ${cityOf(state, region)}`,
        })
      },
    )
    lag.element.hidden = server?.role !== 'replica'
    lag.update((server?.heldBackMs ?? 0) / 1_000, away, `Show commits late in ${cityOf(state, region)}`)
    keyed(
      links,
      state.links.filter(({ a, b }) => a === region || b === region),
      ({ a, b }) => `${region}:${a}-${b}`,
      (link) => createLink(link),
      (row, link) => updateLink(row, link, cityOf(state, link.a === region ? link.b : link.a), away),
    )
  }
}

function factsOf(state: WorldState, region: string): readonly (readonly [string, string])[] {
  const server = state.servers.find((each) => each.region === region)
  const reads = state.reading[region]
  const from = reads === undefined ? '…' : reads === region ? 'next door' : cityOf(state, reads)
  const { lagBytes, lagMs, lsn, connections } = server ?? {}
  const behind =
    lagBytes === undefined ? 'not known' : lagBytes === 0 ? 'nothing' : `${bytes(lagBytes)} · ${duration(lagMs ?? 0)}`
  return [
    ['Its app reads from', from],
    ['Behind', server?.role === 'primary' ? 'it is the primary' : behind],
    ['Position', lsn ?? '–'],
    ['Connections of apps', connections === undefined ? '–' : String(connections)],
  ]
}

interface ShownAction {
  readonly action: 'kill' | 'start' | 'pause' | 'resume' | 'promote'
  readonly label: string
  readonly harms: boolean
}

function actionsOf(state: WorldState, region: string): readonly ShownAction[] {
  const server = state.servers.find((each) => each.region === region)
  if (server === undefined || server.role === 'down') return [{ action: 'start', label: 'Start', harms: false }]
  const kill: ShownAction = { action: 'kill', label: 'Kill', harms: true }
  if (server.role === 'primary') return [kill]
  const replay: ShownAction = server.paused
    ? { action: 'resume', label: 'Resume replay', harms: false }
    : { action: 'pause', label: 'Pause replay', harms: false }
  return [kill, replay, { action: 'promote', label: 'Promote', harms: false }]
}

interface Slider {
  readonly element: HTMLElement
  update(value: number, disabled: boolean, label: string): void
}

interface SliderOptions {
  readonly most: number
  readonly step: number
  readonly unit: (value: number) => string
}

/** It follows the world, but not while somebody drags it. */
function slider(label: string, { most, step, unit }: SliderOptions, onChange: (value: number) => unknown): Slider {
  let held = false
  const output = h('output')
  const input = h('input', {
    type: 'range',
    min: 0,
    max: most,
    step,
    input: () => {
      held = true
      setText(output, unit(input.valueAsNumber))
    },
    change: () => {
      onChange(input.valueAsNumber)
      held = false
    },
  })
  return {
    element: h('label', { class: 'slider' }, h('span', {}, label), output, input),
    update(value, disabled, named) {
      input.disabled = disabled
      apply(input, { 'aria-label': named })
      if (held) return
      if (input.valueAsNumber !== value) input.valueAsNumber = value
      setText(output, unit(value))
    },
  }
}

const sliders = new WeakMap<
  Element,
  { readonly slider: Slider; readonly cut: HTMLButtonElement; readonly name: Element }
>()

function createLink({ a, b }: LinkFacts): HTMLLIElement {
  const control = slider('', { most: MOST_RTT_MS, step: 1, unit: duration }, (ms) => act({ do: 'rtt', a, b, ms }))
  const cut = h('button', {
    type: 'button',
    class: 'button small quiet',
    click: () => void act({ do: cut.dataset['do'], a, b }),
  })
  const row = h('li', {}, control.element, cut)
  const name = control.element.querySelector('span') ?? row
  sliders.set(row, { slider: control, cut, name })
  return row
}

function updateLink(row: Element, { rttMs, partitioned }: LinkFacts, city: string, away: boolean): void {
  const parts = sliders.get(row)
  if (parts === undefined) return
  const { slider: control, cut, name } = parts
  setText(name, city)
  control.update(Math.round(rttMs), away, `Round trip to ${city}`)
  setText(cut, partitioned ? 'Mend' : 'Cut')
  apply(cut, {
    'data-do': partitioned ? 'heal' : 'partition',
    'aria-label': `${partitioned ? 'Mend' : 'Cut'} the link to ${city}`,
  })
  cut.disabled = away
  row.classList.toggle('cut', partitioned)
}
