import Table from 'cli-table3'
import type { Burst } from './scenarios/bursts.ts'

export function burstsTable(results: readonly Burst[]): string {
  const head = ['inserts at once', 'pg.Pool writes/s', 'session writes/s', 'time, ratio (aim ≤ 1.1)', 'CPU, ratio']
  const table = new Table({
    head,
    colAligns: head.map(() => 'right' as const),
    style: { head: [], border: [], compact: true },
  })
  for (const { writes, bare, ours, timeRatio } of results) {
    table.push([
      writes,
      Math.round(bare.throughput),
      Math.round(ours.throughput),
      `${timeRatio.median.toFixed(2)} (${timeRatio.low.toFixed(2)}–${timeRatio.high.toFixed(2)})`,
      (ours.cpuUs / bare.cpuUs).toFixed(2),
    ])
  }
  return table.toString()
}
