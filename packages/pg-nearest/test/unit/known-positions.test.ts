import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createKnownPositions, type Seen } from '../../src/positions/known-positions.ts'
import { certainBookmark, shows } from '../../src/session/bookmark.ts'

const MACHINE = '1700000000 10.0.0.1 5432'
const CLUSTER = { systemIdentifier: '7' }

const standby = (lsn: bigint, at: number): Seen => ({ machine: MACHINE, standby: true, lsn, at })
const primary = (lsn: bigint, at: number): Seen => ({
  machine: MACHINE,
  standby: false,
  lsn,
  at,
  timeline: 2,
  ...CLUSTER,
})

/** On the timeline before, and on no standby. */
const unreplicated = certainBookmark({ ...CLUSTER, timeline: 1, lsn: 120n })

test('what a primary was asked before its last answer as a standby is later all the same, and shows what it lacks', () => {
  const positions = createKnownPositions()
  positions.note('ams', { ...standby(90n, 0), timeline: 1, ...CLUSTER })
  positions.note('ams', standby(100n, 20))
  positions.note('ams', primary(150n, 10))
  expect(positions.at('ams', MACHINE)).toMatchObject({ standby: false, timeline: 2, lsn: 150n })
  expect(positions.of('ams')).toMatchObject({ standby: false, timeline: 2, lsn: 150n })
  expect(positions.timelinesOf('7')?.forkPositionOf(1, 2)).toBe(100n)
  expect(shows(positions.of('ams'), unreplicated, positions)).toBe('lost')
})

test('what was asked later, and says that it is a standby, was answered before', () => {
  const positions = createKnownPositions()
  positions.note('ams', { ...standby(100n, 0), timeline: 1, ...CLUSTER })
  positions.note('ams', primary(150n, 10))
  positions.note('ams', standby(100n, 20))
  expect(positions.at('ams', MACHINE)).toMatchObject({ standby: false, timeline: 2, lsn: 150n })
})

test('a primary that has crashed may come back as a standby under its name: what was asked long after its last answer counts', () => {
  const positions = createKnownPositions()
  positions.note('ams', primary(150n, 10))
  positions.note('ams', standby(160n, 20_010))
  expect(positions.at('ams', MACHINE)).toMatchObject({ standby: true, lsn: 160n })
})

test('of a machine that does not tell who it is, what was asked later counts', () => {
  const positions = createKnownPositions()
  positions.note('ams', { ...standby(100n, 20), machine: undefined })
  positions.note('ams', { ...primary(150n, 10), machine: undefined })
  expect(positions.of('ams')).toMatchObject({ standby: true, lsn: 100n })
})

test('whenever it was asked, and in whatever order it is heard: it is promoted once, and lost is what it never had', () => {
  const lsns = fc.array(fc.bigInt({ min: 1n, max: 1_000n }), { minLength: 1, maxLength: 5 })
  const times = fc.array(fc.nat(50), { minLength: 10, maxLength: 10 })
  fc.assert(
    fc.property(lsns, fc.bigInt({ min: 1n, max: 100n }), times, (replayed, beyond, at) => {
      const positions = createKnownPositions()
      positions.note('ams', { ...standby(0n, -1), timeline: 1, ...CLUSTER })
      for (const [i, lsn] of replayed.entries()) positions.note('ams', standby(lsn, at[i] ?? 0))
      const end = replayed.reduce((a, b) => (a > b ? a : b))
      positions.note('ams', primary(end + beyond * 2n, at[9] ?? 0))
      for (const [i, lsn] of replayed.entries()) positions.note('ams', standby(lsn, at[i + replayed.length - 1] ?? 0))
      const lost = certainBookmark({ ...CLUSTER, timeline: 1, lsn: end + beyond })
      expect(positions.of('ams')?.standby).toBe(false)
      expect(shows(positions.of('ams'), lost, positions)).toBe('lost')
    }),
  )
})
