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

/** A small chart without words: what it shows is told in text beside it. */
export function createChart(lines: readonly ChartLine[]): Chart {
  const element = h('div', { class: 'chart', 'aria-hidden': 'true' })
  const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  let shown: uPlotType | undefined
  let latest: uPlotType.AlignedData = [[]]

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
          y: { range: (_, __, most) => [0, Math.max(5, (most ?? 0) * 1.1)] },
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
      if (shown === undefined) draw()
      else shown.setData(latest)
    },
  }
}
