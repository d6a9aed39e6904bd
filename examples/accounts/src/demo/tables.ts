import Table from 'cli-table3'
import type { RegionApp } from './apps.ts'
import type { RegionReads } from './from-every-region.ts'

export function appTable(apps: readonly RegionApp[], primary: string): string {
  const rows = apps.map(({ region, url }) => [region, region === primary ? 'the primary' : 'a replica', `${url}/users`])
  return draw(['region', 'its database is', 'open'], rows, [])
}

export function readTable(reads: readonly RegionReads[]): string {
  const rows = reads.map(({ region, readFrom, role, median, p99, local, primary }) => [
    region,
    `${readFrom} (${role})`,
    ...[median, p99, local, primary].map((ms) => `${ms.toFixed(2)} ms`),
  ])
  const head = ['from', 'read from', 'median', '99th %', 'beside the database', 'from the primary']
  return draw(head, rows, [2, 3, 4, 5])
}

function draw(head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[]): string {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_name, i) => (right.includes(i) ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  })
  for (const row of rows) table.push([...row])
  return table.toString()
}
