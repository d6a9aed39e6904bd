import Table from 'cli-table3'
import type { Guard } from './scenarios/guard.ts'

export function guardTable({ bare, eventual, process, session }: Guard): string {
  const table = new Table({
    head: ['a read on the local replica, 1 caller', 'p50', 'to bare (aim ≤ 1.05)', 'to eventual (aim ≤ 1.05)'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  })
  const ms = (p50: number): string => `${p50.toFixed(3)} ms`
  const ratio = (a: number, b: number): string => (a / b).toFixed(3)
  table.push(
    ['a bare pg.Pool', ms(bare), '', ''],
    ['ours, consistency "eventual"', ms(eventual), ratio(eventual, bare), ''],
    ['ours as it comes, in a process that wrote', ms(process), ratio(process, bare), ratio(process, eventual)],
    ['ours, in a session that wrote', ms(session), ratio(session, bare), ratio(session, eventual)],
  )
  return table.toString()
}
