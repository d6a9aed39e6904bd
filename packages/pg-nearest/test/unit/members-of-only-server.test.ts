import { describe, expect, test } from 'vitest'
import { leadsToPrimary, membersOf } from '../../src/freshness/members-of-only-server.ts'
import { createMachinesBehindNames } from '../../src/positions/machines-behind-names.ts'

type Heard = readonly [machine: string, dialledAt: number, role: 'primary' | 'replica']

function contextOf(alone: boolean, ...heard: readonly Heard[]): Parameters<typeof leadsToPrimary>[0] {
  const members = createMachinesBehindNames({ onAppeared: () => undefined, onForgotten: () => undefined })
  for (const [machine, dialledAt, role] of heard) members.note('db', machine, dialledAt, dialledAt, role)
  return { alone, members }
}

const IN_TURN: readonly Heard[] = [
  ['a', 1, 'primary'],
  ['b', 2, 'replica'],
  ['a', 3, 'primary'],
  ['b', 4, 'replica'],
]
const MOVED: readonly Heard[] = [
  ['a', 1, 'primary'],
  ['b', 2, 'replica'],
]

describe('a name that leads', () => {
  test.each([
    ['to a primary and a standby in turn', true, IN_TURN, true, 2],
    ['so, beside other servers, which probes tell of', false, IN_TURN, false, 0],
    ['from a primary to a standby', true, MOVED, false, 0],
    ['to two standbys in turn', true, IN_TURN.map(([machine, at]): Heard => [machine, at, 'replica']), false, 2],
    ['where nobody has told', true, [], false, 0],
  ] as const)('%s', (_, alone, heard, leads, count) => {
    const context = contextOf(alone, ...heard)
    expect(leadsToPrimary(context, 'db')).toBe(leads)
    expect(membersOf(context, { name: 'db', members: [] })).toHaveLength(count)
  })
})
