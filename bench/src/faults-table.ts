import Table from 'cli-table3'
import type { Faults } from './scenarios/faults.ts'

export function faultsTable({ rttMs, faults }: Faults): string {
  const ms = (time: number): string => `${time.toFixed(time < 100 ? 1 : 0)} ms`
  const tables = faults.map(({ name, contenders }) => {
    const table = new Table({
      head: ['', 'healthy p99', 'p99', 'to healthy', 'longest', 'late', 'errors', 'reads', 'extra load'],
      colAligns: ['left', ...Array.from({ length: 8 }, () => 'right' as const)],
      style: { head: [], border: [], compact: true },
    })
    for (const { name: who, healthyP99, p99, longest, late, errors, reads, extra } of contenders) {
      table.push([
        who,
        ms(healthyP99),
        ms(p99),
        `${(p99 / healthyP99).toFixed(2)}×`,
        ms(longest),
        late,
        errors,
        reads,
        extra === undefined ? '' : `${(extra * 100).toFixed(1)} %`,
      ])
    }
    return `${name}, both ${rttMs} ms away; the reads of 8 s from then on\n${table.toString()}`
  })
  return tables.join('\n\n')
}
