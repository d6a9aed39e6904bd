import type { Point } from './spread.ts'

/** How far an arc bends, by its length. */
const BEND = 0.16

export interface Arc {
  /** Of an SVG path. */
  readonly path: string
  /** Where it is after this share of it, from 0 to 1. */
  at(share: number): Point
}

/** A curve from one point of the map to another, bent to the north; the same way back. */
export function arcBetween(a: Point, b: Point): Arc {
  const bend = Math.hypot(b[0] - a[0], b[1] - a[1]) * BEND
  const [mx, my] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]
  const steep = Math.abs(b[1] - a[1]) > Math.abs(b[0] - a[0])
  const control: Point = steep ? [mx + bend, my] : [mx, my - bend]
  const round = (value: number): number => Math.round(value * 10) / 10
  const [x, y] = control.map(round)
  const along = (axis: 0 | 1, t: number): number =>
    (1 - t) ** 2 * a[axis] + 2 * t * (1 - t) * control[axis] + t ** 2 * b[axis]
  return {
    path: `M${round(a[0])} ${round(a[1])}Q${x} ${y} ${round(b[0])} ${round(b[1])}`,
    at: (share) => [along(0, share), along(1, share)],
  }
}

/** The first of these shares of the arc that is far enough from all of `taken`, else the last. */
export function freePlace({ at }: Arc, shares: readonly number[], taken: readonly Point[], least: number): Point {
  const places = shares.map(at)
  const free = places.find(([x, y]) => taken.every(([tx, ty]) => Math.hypot(tx - x, ty - y) >= least))
  return free ?? places.at(-1) ?? at(0.5)
}
