import Table from 'cli-table3'
import type { RegionApp } from './apps.ts'
import type { RegionReads } from './from-every-region.ts'
import type { RegionWrites, Sent } from './requests-through-the-edge.ts'

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

export function writeTable(writes: readonly RegionWrites[]): string {
  const rows = writes.map(({ region, one, several, again }) => [region, ...[one, several, again].map(sentText)])
  return draw(['from', 'one user', 'five users', 'five users again'], rows, [1, 2, 3])
}

function sentText({ ms, way, trips }: Sent): string {
  const across = way === 'replayed' ? 1 : trips
  return `${ms.toFixed(0)} ms, ${across} ${across === 1 ? 'trip' : 'trips'}, ${way}`
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
