import { project } from '../map/project.ts'
import { spread, type Point } from '../map/spread.ts'
import { HEIGHT, LAND, WIDTH } from '../map/world-map.ts'
import { bytes } from '../state/format.ts'
import { cityOf } from '../state/reduce-world.ts'
import type { PlaceFacts, ServerFacts, WorldState } from '../state/world-state.ts'
import { act } from './actions.ts'
import { apply, h, keyed, setText, svg } from './dom.ts'
import { createLinksLayer } from './links-layer.ts'
import { enableDrags } from './map-drag.ts'
import type { Selection } from './selection.ts'

/** Pixels between two servers, so that a finger finds one. */
const LEAST_APART = 30
/** Pixels that a label takes. */
const [LABEL_WIDTH, LABEL_HEIGHT] = [80, 64]
/** Pixels from a click to the region that it means. */
const NEAR_CLICK = 70

/** The map: land, links, and a button for each server. */
export function createMapView(root: HTMLElement, selection: Selection): (state: WorldState) => void {
  const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, 'aria-hidden': 'true', class: 'picture' })
  picture.append(svg('path', { d: LAND, class: 'land' }))
  const pulses = h('div', { class: 'pulses', 'aria-hidden': 'true' })
  const links = createLinksLayer(picture, pulses)
  const nodes = h('div', { class: 'nodes' })
  const ghost = h('p', { class: 'ghost', 'aria-hidden': 'true', hidden: true })
  const sea = h('div', { class: 'sea' }, picture, pulses, ghost, nodes)
  const picker = h('select', { 'aria-label': 'Region to add' })
  const add = h(
    'button',
    { type: 'button', class: 'button small', click: () => void act({ do: 'add', region: picker.value }) },
    'Add',
  )
  root.append(
    sea,
    h(
      'div',
      { class: 'map-foot' },
      h(
        'p',
        { class: 'legend' },
        h('span', { class: 'key wal' }, 'WAL'),
        h('span', { class: 'key read' }, 'reads from elsewhere'),
        h('span', { class: 'key cut' }, 'cut'),
      ),
      h(
        'form',
        { class: 'adder', submit: (event) => event.preventDefault() },
        h('label', {}, 'Add a region ', picker),
        add,
      ),
    ),
  )
  let latest: WorldState | undefined
  enableDrags(sea, nodes, () => latest)

  /** The region that may join nearest to the pointer. */
  const candidateAt = ({ clientX, clientY }: MouseEvent): PlaceFacts | undefined => {
    if (latest === undefined) return undefined
    const box = picture.getBoundingClientRect()
    const scale = box.width / WIDTH
    const distance = (place: PlaceFacts): number => {
      const [x, y] = positionOf(place)
      return Math.hypot(box.left + x * scale - clientX, box.top + y * scale - clientY)
    }
    const [nearest] = latest.candidates.toSorted((a, b) => distance(a) - distance(b))
    return nearest !== undefined && distance(nearest) < NEAR_CLICK ? nearest : undefined
  }
  sea.addEventListener('pointermove', (event) => {
    const candidate = event.pointerType === 'mouse' && !isNode(event.target) ? candidateAt(event) : undefined
    ghost.hidden = candidate === undefined
    if (candidate === undefined) return
    setText(ghost, `+ ${candidate.city}`)
    putAt(ghost, positionOf(candidate))
  })
  sea.addEventListener('pointerleave', () => (ghost.hidden = true))
  sea.addEventListener('click', (event) => {
    if (isNode(event.target)) return
    const candidate = candidateAt(event)
    if (candidate === undefined) return
    picker.value = candidate.region
    ghost.hidden = true
    // A finger has seen no preview of what it is about to do: it has the button below for that.
    if (event instanceof PointerEvent && event.pointerType === 'touch') add.focus()
    else void act({ do: 'add', region: candidate.region })
  })

  return (state) => {
    latest = state
    const points = pointsOf(state, picture.clientWidth / WIDTH || 1)
    links(state, points)
    keyed(
      nodes,
      state.places,
      ({ region }) => region,
      ({ region }) => createNode(() => selection.choose(region)),
      (node, { region }) => {
        putAt(node, points.get(region) ?? [0, 0])
        apply(node, { 'data-side': sideOf(region, points, picture.clientWidth / WIDTH || 1) })
        describe(node, state, region, selection.region === region)
      },
    )
    keyed(
      picker,
      state.candidates.toSorted((a, b) => a.city.localeCompare(b.city)),
      ({ region }) => region,
      ({ region, city }) => h('option', { value: region }, `${city} (${region})`),
    )
    add.disabled = state.busy !== undefined || state.chaos !== undefined
  }
}

function isNode(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('.node') !== null
}

/** One that is nowhere stands at the bottom. */
function positionOf({ latitude, longitude }: PlaceFacts): Point {
  return latitude === undefined || longitude === undefined ? [WIDTH / 2, HEIGHT - 30] : project({ latitude, longitude })
}

function pointsOf({ places }: WorldState, scale: number): ReadonlyMap<string, Point> {
  const apart = spread(places.map(positionOf), LEAST_APART / scale)
  return new Map(places.map(({ region }, i) => [region, apart[i] ?? [0, 0]]))
}

/** Above, where its label would lie on a neighbour to the south. */
function sideOf(region: string, points: ReadonlyMap<string, Point>, scale: number): 'above' | 'below' {
  const [x, y] = points.get(region) ?? [0, 0]
  const covered = [...points].some(
    ([other, [ox, oy]]) =>
      other !== region && Math.abs(ox - x) * scale < LABEL_WIDTH && oy >= y && (oy - y) * scale < LABEL_HEIGHT,
  )
  return covered ? 'above' : 'below'
}

function putAt(element: HTMLElement, [x, y]: Point): void {
  element.style.left = `${(x / WIDTH) * 100}%`
  element.style.top = `${(y / HEIGHT) * 100}%`
}

function createNode(choose: () => void): HTMLButtonElement {
  return h(
    'button',
    { type: 'button', class: 'node', click: choose },
    h('span', { class: 'dot' }),
    h('span', { class: 'label' }, h('b'), ' ', h('small')),
  )
}

function describe(node: HTMLButtonElement, state: WorldState, region: string, chosen: boolean): void {
  const server = state.servers.find((each) => each.region === region)
  const words = serverWords(server)
  const city = cityOf(state, region)
  apply(node, {
    'data-role': server?.role ?? 'down',
    'data-state': stateOf(server),
    'aria-pressed': String(chosen),
  })
  const [name, more] = node.querySelectorAll('b, small')
  if (name !== undefined) setText(name, city)
  if (more !== undefined) setText(more, words)
}

function stateOf(server: ServerFacts | undefined): string {
  if (server === undefined || server.role === 'down') return 'down'
  return server.paused || server.heldBackMs > 0 ? 'held' : 'well'
}

/** `replica, 12 kB behind` */
export function serverWords(server: ServerFacts | undefined): string {
  if (server === undefined || server.role === 'down') return 'down'
  if (server.role === 'primary') return 'primary'
  const { paused, lagBytes = 0 } = server
  const behind = lagBytes < 1_000 ? '' : `, ${bytes(lagBytes)} behind`
  return `${paused ? 'paused' : 'replica'}${behind}`
}
