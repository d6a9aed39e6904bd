import { dragMeaning } from '../state/drag-meaning.ts'
import type { WorldState } from '../state/world-state.ts'
import { act } from './actions.ts'
import { apply, h, setText, svg } from './dom.ts'

/** Pixels before a press becomes a drag. */
const LEAST_MOVE = 8

/** Dragging one server onto another. The buttons of what is chosen do the same, for those who have no pointer. */
export function enableDrags(sea: HTMLElement, nodes: HTMLElement, latest: () => WorldState | undefined): void {
  const line = svg('line', { class: 'drag-line' })
  const canvas = svg('svg', { class: 'drag', 'aria-hidden': 'true' })
  canvas.append(line)
  const hint = h('p', { class: 'ghost drag-hint', 'aria-hidden': 'true', hidden: true })
  sea.append(canvas, hint)

  const regionOf = (element: Element | null | undefined): string | undefined =>
    element?.closest('.node')?.getAttribute('data-key') ?? undefined

  nodes.addEventListener('pointerdown', (down) => {
    const node = (down.target as Element).closest<HTMLElement>('.node')
    const from = regionOf(node)
    if (node === null || from === undefined || !down.isPrimary || down.button !== 0) return
    const ending = new AbortController()
    let moved = false

    const meaningAt = ({ clientX, clientY }: PointerEvent): ReturnType<typeof dragMeaning> => {
      const to = regionOf(document.elementFromPoint(clientX, clientY))
      const state = latest()
      return state === undefined || to === undefined ? undefined : dragMeaning(state, from, to)
    }
    const draw = (event: PointerEvent): void => {
      const box = sea.getBoundingClientRect()
      const start = node.getBoundingClientRect()
      const [x, y] = [event.clientX - box.left, event.clientY - box.top]
      const [x1, y1] = [start.left + start.width / 2 - box.left, start.top + start.height / 2 - box.top]
      apply(line, { x1, y1, x2: x, y2: y })
      const meaning = meaningAt(event)
      sea.classList.toggle('meant', meaning !== undefined)
      hint.hidden = meaning === undefined
      setText(hint, meaning?.words ?? '')
      hint.style.left = `${x}px`
      hint.style.top = `${y}px`
    }
    const end = (): void => {
      ending.abort()
      hint.hidden = true
      sea.classList.remove('dragging', 'meant')
    }
    const { signal } = ending
    node.setPointerCapture(down.pointerId)
    node.addEventListener(
      'pointermove',
      (event) => {
        moved ||= Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) >= LEAST_MOVE
        if (!moved) return
        sea.classList.add('dragging')
        draw(event)
      },
      { signal },
    )
    node.addEventListener(
      'pointerup',
      (event) => {
        const meaning = moved ? meaningAt(event) : undefined
        end()
        if (meaning !== undefined) void act(meaning.action)
        // The click that follows would choose the server that was dragged.
        if (moved) node.addEventListener('click', swallow, { capture: true, once: true })
        setTimeout(() => node.removeEventListener('click', swallow, { capture: true }))
      },
      { signal },
    )
    node.addEventListener('pointercancel', end, { signal })
  })
}

function swallow(event: Event): void {
  event.stopImmediatePropagation()
}
