import { arcBetween, freePlace, type Arc } from '../map/arc.ts'
import type { Point } from '../map/spread.ts'
import { WIDTH } from '../map/world-map.ts'
import { duration } from '../state/format.ts'
import type { WorldState } from '../state/world-state.ts'
import { apply, calm, h, keyed, setText, svg } from './dom.ts'

interface ShownLink {
  readonly key: string
  /** From the primary, if it is its link. */
  readonly arc: Arc
  readonly middle: Point
  readonly rttMs: number
  readonly kind: 'wal' | 'cut' | 'idle'
  readonly label: string
}

interface ShownRead {
  readonly key: string
  readonly path: string
}

/** A pulse of WAL takes longer than in the world, where nobody would see it. */
const PULSE_SLOWNESS = 7
const LEAST_PULSE_MS = 450
/** A pulse goes straight from one of these shares of its arc to the next. */
const STOPS = Array.from({ length: 17 }, (_, i) => i / 16)
/** Viewbox units between two labels. */
const LABEL_APART = 46
/** Viewbox units that a link must have for a label. */
const LABEL_FROM = 60

/** What is between the servers: replication from the primary, links that are cut, and reads that go elsewhere. */
export function createLinksLayer(
  picture: SVGSVGElement,
  layer: HTMLElement,
): (state: WorldState, points: ReadonlyMap<string, Point>) => void {
  const lines = svg('g', { class: 'links' })
  const reads = svg('g', { class: 'reads' })
  const labels = svg('g', { class: 'labels' })
  picture.append(lines, reads, labels)
  const replayed = new Map<string, string | undefined>()
  const pulse = createPulses(picture, layer)

  return (state, points) => {
    const links = linksOf(state, points)
    keyed(
      lines,
      links,
      ({ key }) => key,
      () => svg('path'),
      (line, { arc, kind }) => apply(line, { d: arc.path, class: kind }),
    )
    keyed(
      labels,
      links.filter(({ label }) => label !== ''),
      ({ key }) => key,
      () => svg('text', { 'text-anchor': 'middle', dy: -5 }),
      (text, { middle: [x, y], label, kind }) => {
        apply(text, { x: Math.round(x), y: Math.round(y), class: kind })
        setText(text, label)
      },
    )
    keyed(
      reads,
      readsOf(state, points),
      ({ key }) => key,
      () => svg('path'),
      (line, { path }) => apply(line, { d: path }),
    )
    for (const { region, lsn, role } of state.servers) {
      const moved = replayed.get(region) !== lsn && replayed.has(region)
      replayed.set(region, lsn)
      const link = links.find(({ key, kind }) => kind === 'wal' && key.split('-').includes(region))
      if (moved && role === 'replica' && link !== undefined) pulse(region, link)
    }
  }
}

function linksOf(state: WorldState, points: ReadonlyMap<string, Point>): readonly ShownLink[] {
  const taken: Point[] = [...points.values()]
  return state.links.flatMap(({ a, b, rttMs, partitioned }) => {
    const [from, to] = [points.get(a), points.get(b)]
    const ofPrimary = a === state.primary || b === state.primary
    if (from === undefined || to === undefined || (!ofPrimary && !partitioned)) return []
    const [first, second] = a === state.primary ? [from, to] : [to, from]
    const arc = arcBetween(first, second)
    const far = Math.hypot(from[0] - to[0], from[1] - to[1]) > LABEL_FROM
    const other = state.servers.find(({ region }) => region === (a === state.primary ? b : a))
    const streams = other?.role === 'replica'
    const middle = freePlace(arc, [0.5, 0.36, 0.64, 0.25], taken, LABEL_APART)
    if (far) taken.push(middle)
    return [
      {
        key: `${a}-${b}`,
        arc,
        middle,
        rttMs,
        kind: partitioned ? 'cut' : streams ? 'wal' : 'idle',
        label: partitioned ? 'cut' : far ? duration(rttMs) : '',
      } as const,
    ]
  })
}

function readsOf(state: WorldState, points: ReadonlyMap<string, Point>): readonly ShownRead[] {
  return Object.entries(state.reading).flatMap(([region, from]) => {
    const [app, server] = [points.get(region), points.get(from)]
    if (region === from || app === undefined || server === undefined) return []
    return [{ key: region, path: arcBetween(server, app).path }]
  })
}

/**
 * From the primary to the replica that has just replayed something: elements beside the picture, moved by `transform` alone, which a browser does
 * without painting the map again for each frame.
 */
function createPulses(picture: SVGSVGElement, layer: HTMLElement): (region: string, link: ShownLink) => void {
  const dots = new Map<string, HTMLElement>()
  const flights = new Map<string, Animation>()
  return (region, { arc, rttMs }) => {
    if (calm.matches || document.hidden || flights.get(region)?.playState === 'running') return
    const dot = dots.get(region) ?? h('span')
    if (!dot.isConnected) layer.append(dot)
    dots.set(region, dot)
    const scale = picture.clientWidth / WIDTH
    const flight = dot.animate(
      STOPS.map((share) => {
        const [x, y] = arc.at(share)
        return { opacity: 1, transform: `translate(${x * scale}px, ${y * scale}px)` }
      }),
      { duration: Math.max(LEAST_PULSE_MS, (rttMs / 2) * PULSE_SLOWNESS), easing: 'ease-in-out' },
    )
    flights.set(region, flight)
  }
}
