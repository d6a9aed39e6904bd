import Table from 'cli-table3'
import type { Ratio } from './measure.ts'
import type { Clients } from './scenarios/clients.ts'

export function clientsTable(results: readonly Clients[]): string {
  const table = new Table({
    head: [
      'callers',
      'a read by key',
      'p50',
      'to pg.Pool',
      'p99',
      'to pg.Pool',
      'reads/s',
      'to pg.Pool',
      'CPU here',
      'open',
    ],
    colAligns: ['right', 'left', ...Array.from({ length: 8 }, () => 'right' as const)],
    style: { head: [], border: [], compact: true },
  })
  for (const { callers, ways } of results) {
    for (const { name, sample, p50, p99, throughput, connections } of ways) {
      const figures = [`${sample.p50.toFixed(3)} ms`, ratio(p50), `${sample.p99.toFixed(3)} ms`, ratio(p99)]
      const cost = [Math.round(sample.throughput), ratio(throughput), `${sample.cpuUs.toFixed(1)} µs`, connections]
      table.push([callers, name, ...figures, ...cost])
    }
  }
  return table.toString()
}

function ratio({ median, low, high }: Ratio): string {
  return `${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`
}
