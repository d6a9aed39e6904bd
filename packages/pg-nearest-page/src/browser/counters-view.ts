import { whole } from '../state/format.ts'
import type { Counters, WorldState } from '../state/world-state.ts'
import { h, setText } from './dom.ts'

interface Counter {
  readonly title: string
  readonly of: (counters: Counters) => number
  readonly note: (counters: Counters) => string
}

const COUNTERS: readonly Counter[] = [
  { title: 'reads failed', of: (each) => each.readsFailed, note: (each) => `of ${whole(each.reads)}` },
  { title: 'writes lost', of: (each) => each.writesLost, note: lostNote },
  { title: 'writes doubled', of: (each) => each.writesDoubled, note: () => 'every row is counted' },
  { title: 'sessions that went back', of: (each) => each.sessionsBack, note: () => 'every version is compared' },
]

/** What must be zero, by the verdict that also `npm run chaos` goes by. */
export function createCountersView(root: HTMLElement): (state: WorldState) => void {
  const shown = COUNTERS.map((counter) => {
    const [value, note] = [h('b'), h('small')]
    root.append(h('p', { 'data-counter': counter.title }, value, h('span', {}, counter.title), note))
    return { counter, value, note }
  })
  return ({ counters }) => {
    for (const { counter, value, note } of shown) {
      const count = counter.of(counters)
      setText(value, whole(count))
      setText(note, counter.note(counters))
      value.parentElement?.classList.toggle('wrong', count > 0)
    }
  }
}

/** Asynchronous replication's own: they died with a primary before anybody else had them, and their sessions were told. */
function lostNote({ writes, leftBehind }: Counters): string {
  const of = `of ${whole(writes)}`
  return leftBehind === 0 ? of : `${of}; ${whole(leftBehind)} died with a primary, uncopied`
}
