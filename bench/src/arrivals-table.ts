import Table from 'cli-table3'
import type { ArrivalsResult } from './scenarios/arrivals.ts'

const SLOW = {
  none: 'none is slow',
  text: '5 % take 50 ms, by their text',
  value: '5 % take 50 ms, by a value',
} as const

export function arrivalsTable(results: readonly ArrivalsResult[]): string {
  const head = ['a second', 'of which', 'way', 'p50 of the fast', 'p99', 'to pg.Pool']
  const table = new Table({
    head,
    colAligns: ['right', 'left', 'left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  })
  for (const { perSecond, slowness, ways } of results) {
    for (const { name, p50, p99, p99Ratio } of ways) {
      const { median, q1, q3 } = p99Ratio
      const ratio = `${median.toFixed(2)} (${q1.toFixed(2)}–${q3.toFixed(2)})`
      table.push([perSecond, SLOW[slowness], name, `${p50.toFixed(3)} ms`, `${p99.toFixed(3)} ms`, ratio])
    }
  }
  return `${table.toString()}\nMedians of 11 rounds, and the quartiles of the ratios.`
}
