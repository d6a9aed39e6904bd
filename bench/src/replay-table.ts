import Table from 'cli-table3'
import type { ReplayTimes } from './scenarios/replay.ts'

export function replayTable(times: readonly ReplayTimes[]): string {
  const table = new Table({
    head: ['route', 'from', 'always replayed', 'never replayed', 'ours'],
    colAligns: ['left', 'left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  })
  const shown = (ms: number): string => `${ms.toFixed(0)} ms`
  for (const { route, region, always, never, ours } of times) {
    table.push([route, region, shown(always), shown(never), shown(ours)])
  }
  return table.toString()
}
