import { describe, expect, test } from 'vitest'
import { freshestMachines } from '../../src/freshness/freshest-machines.ts'
import { createKnownPositions, type KnownPositions } from '../../src/positions/known-positions.ts'

const CLUSTER = { systemIdentifier: '7', timeline: 1 }

/** What machines behind `ord` have told, and when. */
function told(...seen: readonly (readonly [machine: string, lsn: bigint, at: number])[]): KnownPositions {
  const positions = createKnownPositions()
  for (const [machine, lsn, at] of seen) positions.note('ord', { machine, lsn, at, standby: true, ...CLUSTER })
  return positions
}

/** For a read that must show 100. */
const preferred = (positions: KnownPositions, now = 0) =>
  freshestMachines({ positions }, 'ord', { ...CLUSTER, lsn: 100n }, now)

describe('of the machines behind a name', () => {
  test.each<[what: string, lsns: Record<string, bigint>, suit: string[] | undefined]>([
    ['all that show it are equal', { a: 100n, b: 120n }, undefined],
    ['the one that shows it is preferred', { a: 100n, b: 90n }, ['a']],
    ['if none does, the one that is furthest', { a: 80n, b: 90n }, ['b']],
    ['if they are equally far, none', { a: 90n, b: 90n }, undefined],
  ])('%s', (_, lsns, suit) => {
    const positions = told(...Object.entries(lsns).map(([machine, lsn]) => [machine, lsn, 0] as const))
    const preference = preferred(positions)
    expect(preference && Object.keys(lsns).filter((machine) => preference.suits(machine))).toEqual(suit)
  })

  test('one that has not told it may show it by now, and is left out only after it was found behind', () => {
    const positions = told(['a', 100n, 0], ['b', 90n, 0])
    expect(preferred(positions)?.insists).toBe(false)
    positions.noteBehind('ord', 'b', true)
    expect([preferred(positions, 5)?.insists, preferred(positions, 15)?.insists]).toEqual([true, false])
  })

  test('each time that it is found behind this is believed for as long as it has been so, at most a second', () => {
    const positions = told(['a', 100n, 0], ['b', 90n, 0])
    positions.noteBehind('ord', 'b', true)
    const foundAgain = (at: number): void => {
      positions.note('ord', { machine: 'b', lsn: 90n, at, standby: true })
      positions.noteBehind('ord', 'b', true)
    }
    foundAgain(200)
    expect([preferred(positions, 399)?.insists, preferred(positions, 400)?.insists]).toEqual([true, false])
    foundAgain(5_000)
    expect([preferred(positions, 5_999)?.insists, preferred(positions, 6_000)?.insists]).toEqual([true, false])
    positions.noteBehind('ord', 'b', false)
    expect(preferred(positions, 5_001)?.insists).toBe(false)
  })

  test('one of another timeline is no choice', () => {
    const positions = told(['a', 100n, 0])
    positions.note('ord', { machine: 'b', lsn: 200n, at: 0, standby: true, systemIdentifier: '7', timeline: 2 })
    positions.note('ord', { machine: 'c', lsn: 200n, at: 0, standby: true, systemIdentifier: '8', timeline: 1 })
    expect(preferred(positions)?.insists).toBe(true)
  })
})
