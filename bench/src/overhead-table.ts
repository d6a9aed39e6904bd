import Table from 'cli-table3'
import type { Overhead } from './scenarios/overhead.ts'

export function overheadTable(results: readonly Overhead[]): string {
  const table = new Table({
    head: [
      'callers',
      'bare p50',
      'ours p50',
      'ratio (aim ≤ 1.05)',
      'bare reads/s',
      'ours reads/s',
      'ratio (aim ≥ 0.95)',
    ],
    colAligns: Array.from({ length: 7 }, () => 'right' as const),
    style: { head: [], border: [], compact: true },
  })
  for (const { callers, bare, ours, latencyRatio, throughputRatio } of results) {
    table.push([
      callers,
      `${bare.p50.toFixed(3)} ms`,
      `${ours.p50.toFixed(3)} ms`,
      latencyRatio.toFixed(3),
      Math.round(bare.throughput),
      Math.round(ours.throughput),
      throughputRatio.toFixed(3),
    ])
  }
  return table.toString()
}
