import { expect, test } from 'vitest'
import { leaksOf } from '../leaks/verdict.ts'
import type { LeakReport, Sample } from '../leaks/run.ts'

const rest: Sample = {
  atSeconds: 0,
  operations: 0,
  heap: 20_000_000,
  timers: 10,
  sockets: 10,
  connections: 5,
  socketsMeanwhile: 10,
  pooled: 4,
}
const ended = { heap: 20_000_000, timers: 3, sockets: 4, connections: 0 }

function reportOf(last: Partial<Sample>, after: Partial<typeof ended> = {}): LeakReport {
  const later = { ...rest, ...last }
  return { operations: 0, samples: [rest, later, later, later], before: ended, after: { ...ended, ...after } }
}

test('nothing has grown', () => {
  expect(leaksOf(reportOf({ heap: 21_000_000, timers: 12 }))).toEqual([])
})

test.each<[string, LeakReport, RegExp]>([
  ['the heap', reportOf({ heap: 30_000_000 }), /heap grew from 20\.0 to 30\.0 MB/],
  ['timers', { ...reportOf({}), samples: [rest, rest, { ...rest, timers: 40 }] }, /10 timers first .* 40 last/],
  ['sockets', { ...reportOf({}), samples: [rest, rest, { ...rest, sockets: 15 }] }, /5 sockets first .* 10 last/],
  [
    'connections',
    { ...reportOf({}), samples: [rest, rest, { ...rest, connections: 10 }] },
    /1 connections first .* 6 last/,
  ],
  ['connections after the end', reportOf({}, { connections: 1 }), /1 connections, and 0 before/],
  ['sockets after the end', reportOf({}, { sockets: 9 }), /9 sockets, and 4 before/],
  ['too little to tell', { ...reportOf({}), samples: [rest] }, /not enough rests/],
])('%s', (_, report, says) => {
  expect(leaksOf(report).join(' ')).toMatch(says)
})

test('a pool that has more connections open than before is no leak', () => {
  const last = { ...rest, sockets: 20, connections: 15, pooled: 14 }
  expect(leaksOf({ ...reportOf({}), samples: [rest, rest, last] })).toEqual([])
})

test('what is only late to be collected is no leak', () => {
  const late = { ...rest, heap: 40_000_000 }
  expect(leaksOf({ ...reportOf({}), samples: [rest, rest, rest, late] })).toEqual([])
})
