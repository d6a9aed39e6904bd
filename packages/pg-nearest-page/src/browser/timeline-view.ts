import type { Told } from '../state/world-state.ts'
import { byId, h, keyed, setText } from './dom.ts'
import { timeOfDay } from './time-of-day.ts'

const SHOWN = 30
/** A screen reader is told this much at once; more would not be listened to. */
const SPOKEN = 3

/** What has happened, newest first, in words; and the same for a screen reader as it happens. */
export function createTimelineView(root: HTMLElement, nothing: string): (told: readonly Told[]) => void {
  const list = h('ol', { class: 'events', reversed: true, tabindex: 0 })
  const empty = h('p', { class: 'hint' }, nothing)
  root.append(h('h2', { id: 'timeline-title' }, 'What happened'), empty, list)
  const live = byId('live')
  let spoken: Told | undefined
  let begun = false
  return (told) => {
    empty.hidden = told.length > 0
    keyed(
      list,
      told.slice(-SHOWN).toReversed(),
      ({ at, text }) => `${at} ${text}`,
      ({ at, tone, text }) =>
        h(
          'li',
          { class: tone },
          h('time', { datetime: new Date(at).toISOString() }, timeOfDay(at)),
          h('span', {}, text),
        ),
    )
    const news = told.slice(told.findLastIndex(({ at, text }) => at === spoken?.at && text === spoken.text) + 1)
    // What was there when the page was opened is no news.
    if (begun && news.length > 0)
      setText(
        live,
        news
          .slice(-SPOKEN)
          .map(({ text }) => text)
          .join(' '),
      )
    spoken = told.at(-1)
    begun = true
  }
}
