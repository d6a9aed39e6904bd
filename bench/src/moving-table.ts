import Table from 'cli-table3'
import type { Moving } from './scenarios/moving.ts'

export function movingTable({ rttMs, otherMs, lagMs, movers }: Moving): string {
  const table = new Table({
    head: [
      `primary ${Math.round(rttMs)} ms away, a replica\nnext door, one ${otherMs} ms away`,
      'a read',
      'reads in the second\nafter a write',
      `stale, ${lagMs} ms\nbehind`,
      'a transaction of\none statement',
      'failed, once the\nnear replica died',
    ],
    colAligns: ['left', ...Array.from({ length: 5 }, () => 'right' as const)],
    style: { head: [], border: [], compact: true },
  })
  const time = (ms: number): string => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`
  for (const { name, readMs, afterWriteMs, stale, staleOf, oneMs, failed, failedOf } of movers)
    table.push([
      name,
      time(readMs),
      time(afterWriteMs),
      `${stale} of ${staleOf}`,
      time(oneMs),
      `${failed} of ${failedOf}`,
    ])
  return `${table.toString()}\nReads: averages. Transactions: medians.`
}
