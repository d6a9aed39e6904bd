import Table from 'cli-table3'
import type { ServersCost } from './scenarios/servers.ts'

export function serversTable(results: readonly ServersCost[]): string {
  const head = [
    'servers',
    'CPU a read',
    'to two (aim ≤ 1.2)',
    'idle, of a core (aim ≤ 1 %, 3 %)',
    'heap (aim ≤ 1 MB, 18)',
  ]
  const table = new Table({
    head,
    colAligns: head.map(() => 'right' as const),
    style: { head: [], border: [], compact: true },
  })
  for (const { servers, readCpuUs, ratio, idleShare, heapBytes } of results) {
    table.push([
      servers,
      `${readCpuUs.toFixed(1)} µs`,
      `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)})`,
      `${(idleShare * 100).toFixed(2)} %`,
      `${(heapBytes / 1e6).toFixed(2)} MB`,
    ])
  }
  return table.toString()
}
