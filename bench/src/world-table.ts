import Table from 'cli-table3'
import type { WorldTimes } from './scenarios/world.ts'

export function worldTable({ bootMs, addRegionMs, links }: WorldTimes): string {
  const times = new Table({
    head: ['a world of five regions', 'median', 'aim'],
    style: { head: [], border: [], compact: true },
  })
  times.push(
    ['boot', `${(bootMs / 1_000).toFixed(2)} s`, '< 3 s'],
    ['addRegion', `${(addRegionMs / 1_000).toFixed(2)} s`, '< 3 s'],
  )
  const far = new Table({
    head: ['link', 'asked', 'measured', 'off'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  })
  for (const { pair, asked, measured } of links) {
    far.push([pair, `${asked} ms`, `${measured.toFixed(2)} ms`, `${((measured / asked - 1) * 100).toFixed(1)} %`])
  }
  return `${times.toString()}\n${far.toString()}`
}
