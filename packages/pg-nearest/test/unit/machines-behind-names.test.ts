import { describe, expect, test } from 'vitest'
import { createMachinesBehindNames } from '../../src/positions/machines-behind-names.ts'

/** Machines to which connections were dialled one after the other, a second apart. */
function dialled(...machines: readonly string[]) {
  const appeared: string[] = []
  const forgotten: string[] = []
  const members = createMachinesBehindNames({
    onAppeared: (server) => appeared.push(server),
    onForgotten: (_, machine) => forgotten.push(machine),
  })
  for (const [i, machine] of machines.entries()) members.note('ord', machine, i * 1_000, i * 1_000)
  return { members, appeared, forgotten }
}

describe('a name', () => {
  test.each<[string, string[], boolean]>([
    ['leads to one machine', ['a', 'a', 'a'], false],
    ['has moved, or its machine has restarted', ['a', 'a', 'b', 'b', 'b'], false],
    ['has moved twice', ['a', 'b', 'b', 'c'], false],
    ['leads to two in turn', ['a', 'b', 'a'], true],
    ['leads to three at random', ['a', 'b', 'c', 'c', 'b'], true],
  ])('that %s', (_, machines, balanced) => {
    expect(dialled(...machines).members.isBalanced('ord')).toBe(balanced)
  })

  test('is unsettled for a while after a second machine has appeared', () => {
    const { members, appeared } = dialled('a', 'b')
    expect(appeared).toEqual(['ord'])
    expect([members.isUnsettled('ord', 5_000), members.isUnsettled('ord', 7_000)]).toEqual([true, false])
    members.note('ord', 'a', 2_000, 2_000)
    expect([members.isUnsettled('ord', 5_000), members.isBalanced('ord')]).toEqual([false, true])
  })

  test('an old connection to the former machine shows nothing new', () => {
    const { members } = dialled('a', 'b')
    members.note('ord', 'a', 0, 5_000)
    expect(members.isBalanced('ord')).toBe(false)
  })

  test('forgets a machine that was not seen for a minute', () => {
    const { members, forgotten } = dialled('a', 'b', 'a')
    members.note('ord', 'a', 60_000, 60_999)
    expect(members.isBalanced('ord')).toBe(true)
    members.note('ord', 'a', 61_000, 61_001)
    expect([members.isBalanced('ord'), forgotten]).toEqual([false, ['b']])
  })
})
