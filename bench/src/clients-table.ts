import Table from 'cli-table3'
import type { Quartiles } from './measure.ts'
import type { ClientsResult, Way } from './scenarios/clients.ts'

const HEAD = ['', 'p50', 'to first', 'p99', 'to first', 'calls/s', 'to first', 'CPU here', 'servers', 'open']

export function clientsTable(results: readonly ClientsResult[]): string {
  const missing = [...new Set(results.flatMap((result) => result.missing))]
  return [
    ...results.map(tableOf),
    'Medians of 15 rounds, and of their ratios to the first line, with the quartiles; processor time for a call, in microseconds, of this',
    'process and of the servers; connections that are open in the end. A wrong row would have ended it.',
    ...(missing.length === 0 ? [] : [`Not here, and so not measured: ${missing.join(', ')}.`]),
  ].join('\n')
}

function tableOf({ workload, callers, ways }: ClientsResult): string {
  const table = new Table({
    head: [`${workload}, ${callers} at once`, ...HEAD.slice(1)],
    colAligns: HEAD.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: [], border: [], compact: true },
  })
  for (const way of ways) table.push(rowOf(way))
  return table.toString()
}

function rowOf({ name, sample, serverUs, p50, p99, throughput, connections }: Way): (string | number)[] {
  return [
    name,
    `${sample.p50.toFixed(3)} ms`,
    ratio(p50),
    `${sample.p99.toFixed(3)} ms`,
    ratio(p99),
    Math.round(sample.throughput),
    ratio(throughput),
    sample.cpuUs.toFixed(1),
    serverUs === undefined ? '' : serverUs.toFixed(1),
    connections,
  ]
}

function ratio({ median, q1, q3 }: Quartiles): string {
  return `${median.toFixed(2)} (${q1.toFixed(2)}–${q3.toFixed(2)})`
}
