import Table from 'cli-table3'
import type { Sessions } from './scenarios/sessions.ts'

export function sessionsTable({ rttMs, lagMs, contenders }: Sessions): string {
  const table = new Table({
    head: [
      `primary ${Math.round(rttMs)} ms away`,
      'transaction of\n1 statement',
      'transaction of\n3 statements',
      'write,\nthen read it',
      'read sent to the\nprimary by hand',
      `stale with\n${lagMs} ms of lag`,
      `write, then read it\nwith ${lagMs} ms of lag`,
    ],
    colAligns: ['left', ...Array.from({ length: 6 }, () => 'right' as const)],
    style: { head: [], border: [], compact: true },
  })
  const time = (ms: number): string => `${ms.toFixed(0)} ms ${(ms / rttMs).toFixed(1).padStart(4)}×`
  for (const { name, oneMs, threeMs, writeThenReadMs, writeThenReadPrimaryMs, lagging } of contenders) {
    table.push([
      name,
      time(oneMs),
      time(threeMs),
      time(writeThenReadMs),
      writeThenReadPrimaryMs === null ? 'no need' : time(writeThenReadPrimaryMs),
      `${lagging.stale} of ${lagging.reads}`,
      time(lagging.writeThenReadMs),
    ])
  }
  return `${table.toString()}\nMedians. ×: round trips to the primary, of ${rttMs.toFixed(1)} ms as measured.`
}
