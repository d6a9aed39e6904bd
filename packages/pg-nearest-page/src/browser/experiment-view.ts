import { duration } from '../state/format.ts'
import { cityOf } from '../state/reduce-world.ts'
import { reasonWords } from '../state/route-words.ts'
import type { Crossing, Reading, WorldState } from '../state/world-state.ts'
import { act } from './actions.ts'
import { h, keyed, setText } from './dom.ts'

/** Somebody saves in one region and looks in another at once: with the bookmark that the browser takes along, and without. */
export function createExperimentView(root: HTMLElement): (state: WorldState) => void {
  const [from, to] = [h('select', { name: 'from' }), h('select', { name: 'to' })]
  const text = h('input', {
    name: 'text',
    value: 'Ada Lovelace, 36',
    maxlength: 80,
    required: true,
    autocomplete: 'off',
  })
  const go = h('button', { class: 'button' }, 'Write, then read')
  const form = h(
    'form',
    {
      submit: (event) => {
        event.preventDefault()
        void act({ do: 'cross', from: from.value, to: to.value, text: text.value })
      },
    },
    h('label', {}, 'Write ', text),
    h('label', {}, 'in ', from),
    h('label', {}, 'and read in ', to),
    go,
  )
  const result = h('div', { class: 'result' })
  root.append(
    h('h2', { id: 'crossing-title' }, 'Write here, read there'),
    h(
      'p',
      { class: 'hint' },
      'Somebody saves in one region, and their next request comes to another. Pause a replica, or hold it back, and see what its region shows.',
    ),
    form,
    result,
  )
  let shown: Crossing | undefined
  let begun = false
  return (state) => {
    for (const select of [from, to]) {
      keyed(
        select,
        state.places,
        ({ region }) => region,
        ({ region, city }) => h('option', { value: region }, city),
      )
    }
    if (!begun) {
      from.value = state.primary
      to.value = state.places.find(({ region }) => region !== state.primary)?.region ?? state.primary
      begun = true
    }
    go.disabled = state.crosses
    setText(go, state.crosses ? 'On its way' : 'Write, then read')
    if (state.crossing === shown || state.crossing === undefined) return
    shown = state.crossing
    result.replaceChildren(...resultOf(state.crossing, state))
  }
}

function resultOf(
  { from, to, text, bookmark, writeMs, writtenBy, withSession, without }: Crossing,
  state: WorldState,
): Node[] {
  const here = h(
    'div',
    { class: 'browser' },
    h('h3', {}, cityOf(state, from)),
    h('p', { class: 'row' }, text),
    h('p', { class: 'hint' }, `Saved by ${cityOf(state, writtenBy)} in ${duration(writeMs)}.`),
  )
  const travels = h(
    'div',
    { class: 'bookmark' },
    h('p', {}, bookmark === undefined ? 'no bookmark needed' : 'the bookmark travels'),
    h('code', {}, bookmark ?? 'every server has it'),
  )
  const reading = (title: string, { found, server, reason, ms }: Reading): HTMLElement =>
    h(
      'div',
      { class: `browser ${found ? 'found' : 'stale'}` },
      h('h3', {}, `${cityOf(state, to)}, ${title}`),
      h('p', { class: 'row' }, found ? text : 'Nobody here'),
      h('p', { class: 'hint' }, `Read from ${cityOf(state, server)} in ${duration(ms)}. ${reasonWords(reason)}`),
    )
  return [
    here,
    travels,
    h('div', { class: 'readings' }, reading('with its session', withSession), reading('without', without)),
  ]
}
