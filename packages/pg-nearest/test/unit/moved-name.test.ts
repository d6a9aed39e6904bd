import { describe, expect, test } from 'vitest'
import { hasMoved, replacedPrimary } from '../../src/monitor/moved-name.ts'
import { createMachinesBehindNames } from '../../src/positions/machines-behind-names.ts'

const OLD = '1700.5 10.0.0.1 5432'
const NEW = '1800.25 10.0.0.2 5432'

const before = { role: 'primary', machine: OLD, timeline: 1, systemIdentifier: '7' } as const
const heard = {
  role: 'primary',
  machine: NEW,
  timeline: 2,
  systemIdentifier: '7',
  dialledAt: 30,
  pooled: false,
} as const

/** Which machines the name led to, by connections dialled at these times. */
function seen(...dialled: readonly (readonly [machine: string, at: number])[]) {
  const members = createMachinesBehindNames({ onAppeared: () => undefined, onForgotten: () => undefined })
  for (const [machine, at] of dialled) members.note('name', machine, at, 40)
  return members
}

const MOVED = seen([OLD, 10], [NEW, 20], [NEW, 30])
const BALANCED = seen([OLD, 10], [NEW, 20], [OLD, 25], [NEW, 30])

describe('a name moves', () => {
  test.each<[what: string, was: Partial<typeof before>, is: Partial<Record<keyof typeof heard, unknown>>, boolean]>([
    ['another machine', {}, {}, true],
    ['the same one', {}, { machine: OLD, timeline: 1 }, false],
    ['no machine is told, on the same timeline', {}, { machine: undefined, timeline: 1 }, false],
    ['no machine is told, on a later timeline', {}, { machine: undefined }, true],
    ['no machine is told, by a standby of a later timeline', {}, { machine: undefined, role: 'replica' }, false],
    ['it was never heard', { role: 'unknown' as 'primary' }, {}, false],
  ])('%s', (_, was, is, moves) => {
    expect(hasMoved({ ...before, ...was }, { ...heard, ...is } as typeof heard)).toBe(moves)
  })
})

describe('a primary is replaced behind its name', () => {
  const start = '1700.5'
  const never = Number.NEGATIVE_INFINITY
  test.each<[what: string, change: Partial<Record<keyof typeof heard, unknown>>, members: typeof MOVED, unknown]>([
    ['by one of a later timeline', {}, MOVED, { start, dialledBefore: 20 }],
    ['by one that does not tell its machine', { machine: undefined }, MOVED, { start, dialledBefore: 30 }],
    ['behind a balancer', {}, BALANCED, { start, dialledBefore: never }],
    ['behind a pooler', { pooled: true }, MOVED, { start, dialledBefore: Number.POSITIVE_INFINITY }],
    ['behind a balanced pooler', { pooled: true }, BALANCED, { start, dialledBefore: never }],
    ['by one that does not tell its cluster', { systemIdentifier: undefined }, MOVED, { start, dialledBefore: 20 }],
    ['not by another cluster', { systemIdentifier: '8' }, MOVED, undefined],
    ['not by a standby', { role: 'replica' }, MOVED, undefined],
    ['not by one of its timeline', { timeline: 1 }, MOVED, undefined],
    ['not by one that tells no timeline', { timeline: undefined }, MOVED, undefined],
  ])('%s', (_, change, members, replaced) => {
    expect(replacedPrimary(before, { ...heard, ...change } as typeof heard, members, 'name')).toEqual(replaced)
  })

  test.each([{ role: 'replica' }, { timeline: undefined }, { timeline: 3 }] as const)('not if it was %j', (was) => {
    expect(replacedPrimary({ ...before, ...was }, heard, MOVED, 'name')).toBeUndefined()
  })
})
