import { describe, expect, test } from 'vitest'
import { isCaughtUp, positionBefore } from '../../src/freshness/caught-up-with-primary.ts'
import { createMachinesBehindNames } from '../../src/positions/machines-behind-names.ts'
import type { Lease } from '../../src/pooled-connection/lease.ts'
import { createKnownPositions, type KnownPositions } from '../../src/positions/known-positions.ts'
import { initialTopology } from '../../src/observations/topology-updates.ts'

const { topology } = initialTopology(
  [
    { name: 'nrt', region: 'nrt', declared: 'primary' },
    { name: 'ord', region: 'ord', declared: 'replica' },
  ],
  0,
  undefined,
)

interface Told {
  readonly lsn?: bigint
  readonly at?: number
  readonly timeline?: number
  readonly systemIdentifier?: string
  readonly standby?: boolean
}
const told = ({ lsn = 100n, at = 1_000, timeline = 1, systemIdentifier = '7', standby = false }: Told) => ({
  machine: 'a',
  lsn,
  at,
  timeline,
  systemIdentifier,
  standby,
})

const lease = { server: 'ord', machine: 'a' }

/** At 1,500, for a statement that was sent when the replica had last told this. */
function level(
  primary: Told | undefined,
  replica: Told | undefined,
  then?: (known: KnownPositions) => void,
  on: Partial<Pick<Lease, 'machine'>> = {},
  behindName: readonly string[] = ['a'],
): boolean {
  const positions = createKnownPositions()
  if (primary !== undefined) positions.note('nrt', told(primary))
  if (replica !== undefined) positions.note('ord', told({ standby: true, ...replica }))
  const members = createMachinesBehindNames({ onAppeared: () => undefined, onForgotten: () => undefined })
  for (const machine of behindName) members.note('ord', machine, 0, 0)
  const before = positionBefore({ positions, members }, { ...lease, ...on })
  then?.(positions)
  return isCaughtUp({ topology, positions }, before, 1_500)
}

describe('whether a replica is known to be level', () => {
  test.each<[string, boolean, Told | undefined, Told | undefined]>([
    ['it has what the primary had', true, {}, {}],
    ['or more', true, {}, { lsn: 200n }],
    ['it has less', false, {}, { lsn: 99n }],
    ['it was asked long before the primary was, and has it all the same', true, { at: 1_400 }, { at: 0 }],
    ['the primary was asked two seconds ago', true, { at: -500 }, {}],
    ['or longer', false, { at: -501 }, {}],
    ['the primary has not told', false, undefined, {}],
    ['the replica has not', false, {}, undefined],
    ['they are of two timelines', false, { timeline: 2 }, { lsn: 200n }],
    ['or clusters', false, { systemIdentifier: '8' }, {}],
    ['the primary was a standby when it told', false, { standby: true }, {}],
    ['the replica was none', false, {}, { standby: false }],
  ])('%s: %s', (_, expected, primary, replica) => {
    expect(level(primary, replica)).toBe(expected)
  })

  test('only by what was known when the statement was sent', () => {
    expect(level({}, { lsn: 99n }, (known) => known.note('ord', told({ standby: true, at: 1_200 })))).toBe(false)
    expect(level({}, {}, (known) => known.note('nrt', told({ lsn: 200n, at: 1_200 })))).toBe(false)
  })

  test('not by what it had before a connection to it was lost', () => {
    const positions = createKnownPositions()
    positions.note('ord', told({ standby: true }))
    positions.noteLoss('ord')
    const members = createMachinesBehindNames({ onAppeared: () => undefined, onForgotten: () => undefined })
    expect(positionBefore({ positions, members }, lease)).toBeUndefined()
  })

  test('by what its own machine has told, or the only one behind its name', () => {
    expect(level({}, {}, undefined, { machine: 'b' }, ['a', 'b'])).toBe(false)
    expect(level({}, {}, undefined, { machine: undefined })).toBe(true)
    expect(level({}, {}, undefined, { machine: undefined }, ['a', 'b'])).toBe(false)
  })
})
