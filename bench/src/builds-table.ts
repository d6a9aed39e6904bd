import Table from 'cli-table3'
import type { Ratio } from './measure.ts'
import type { BuildsResult } from './scenarios/builds.ts'

export function buildsTable({ other, rounds, cases }: BuildsResult): string {
  const table = new Table({
    head: ['case', 'callers', 'p50', 'p99', 'calls/s', 'CPU', 'p50\nto pg', 'calls/s\nto pg', 'CPU\nto pg'],
    colAligns: ['left', ...Array.from({ length: 8 }, () => 'right' as const)],
    style: { head: [], border: [], compact: true },
  })
  for (const { name, callers, toOther, toBare } of cases) {
    const { p50, p99, throughput, cpuUs } = toOther
    const bare = [toBare.p50, toBare.throughput, toBare.cpuUs].map(({ median }) => median.toFixed(2))
    table.push([name, callers, ...[p50, p99, throughput, cpuUs].map(range), ...bare])
  }
  return `${table.toString()}
This build to the other one (${other}) and to a bare pg.Pool: medians of ${rounds} paired rounds,
with the 95 % interval of the median. CPU: processor time of the process for each call.
Aim: p50, p99 and CPU at most 1, calls/s at least 1.`
}

function range({ median, low, high }: Ratio): string {
  return `${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`
}
