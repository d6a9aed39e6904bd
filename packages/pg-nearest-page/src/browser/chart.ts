import type uPlotType from 'uplot'
import { h } from './dom.ts'

/** Of the script beside this one. */
declare const uPlot: typeof uPlotType

export interface Chart {
  readonly element: HTMLElement
  /** @param times - seconds since the epoch */
  update(times: readonly number[], lines: readonly (readonly (number | undefined)[])[]): void
}

export interface ChartLine {
  readonly label: string
  /** A custom property of CSS. */
  readonly colour: string
  readonly filled?: boolean
}

const HEIGHT = 76
/** Seconds that it shows. */
const SPAN = 120
/** Milliseconds. */
const LEAST_CEILING = 5
/** The share of all values that must be in sight: one slow second is not to flatten two minutes. */
const IN_SIGHT = 0.95

/** A small chart without words: what it shows is told in text beside it. */
export function createChart(lines: readonly ChartLine[]): Chart {
  const element = h('div', { class: 'chart', 'aria-hidden': 'true' })
  const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  let shown: uPlotType | undefined
  let latest: uPlotType.AlignedData = [[]]
  let ceiling = LEAST_CEILING

  const draw = (): void => {
    const width = element.clientWidth
    if (width === 0) return
    shown?.destroy()
    shown = new uPlot(
      {
        width,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        padding: [6, 0, 2, 0],
        axes: [{ show: false }, { show: false }],
        scales: {
          x: { time: false, range: (_, __, end) => [end - SPAN, end] },
          y: { range: () => [0, ceiling] },
        },
        series: [
          {},
          ...lines.map(({ label, colour: name, filled }) => ({
            label,
            stroke: colour(name),
            width: 1.75,
            points: { show: false },
            ...(filled === true ? { fill: `color-mix(in srgb, ${colour(name)} 14%, transparent)` } : {}),
          })),
        ],
      },
      latest,
      element,
    )
  }
  new ResizeObserver(() => {
    if (shown === undefined || shown.width !== element.clientWidth) draw()
  }).observe(element)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)

  return {
    element,
    update(times, values) {
      // A gap is `null` for uPlot.
      latest = [[...times], ...values.map((line) => line.map((value) => value ?? null))]
      ceiling = Math.max(LEAST_CEILING, usualMost(values.flat()) * 1.25)
      if (shown === undefined) draw()
      else shown.setData(latest)
    },
  }
}

function usualMost(values: readonly (number | undefined)[]): number {
  const known = values.filter((value) => value !== undefined).toSorted((a, b) => a - b)
  return known[Math.floor((known.length - 1) * IN_SIGHT)] ?? 0
}
