import Table from 'cli-table3'
import type { Ratio, Sample } from './measure.ts'
import type { DashboardCost } from './scenarios/dashboard.ts'

export function dashboardTable({ callers, rounds, unwatched, watched, throughput, cpuUs }: DashboardCost): string {
  const table = new Table({
    head: [`reads by key, ${callers} callers`, 'reads/s', 'p50', 'CPU'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  })
  table.push(
    ['nobody looks at the dashboard', ...figures(unwatched)],
    ['somebody does', ...figures(watched)],
    ['ratio (aim: within 3 %)', range(throughput), '', range(cpuUs)],
  )
  return `${table.toString()}\nMedians of ${rounds} paired rounds, with the 95 % interval of the ratios. CPU: processor time of the process for each read.`
}

function figures({ throughput, p50, cpuUs }: Sample): string[] {
  return [Math.round(throughput).toString(), `${p50.toFixed(3)} ms`, `${cpuUs.toFixed(1)} µs`]
}

function range({ median, low, high }: Ratio): string {
  return `${median.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`
}
