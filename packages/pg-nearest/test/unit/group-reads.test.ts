import fc from 'fast-check'
import { expect, test } from 'vitest'
import { groupReads } from '../../src/lane-batch/group-reads.ts'
import type { LaneRead } from '../../src/lane-batch/lane-read.ts'

test('a group reads one set of tables only, and who shares with nobody is alone', () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.constantFrom('users', 'teams', 'orders'), { nil: undefined })),
      fc.boolean(),
      (tables, isIdle) => {
        const reads = tables.map(readOf)
        const groups = groupReads(reads, isIdle)
        expect(new Set(groups.flat())).toEqual(new Set(reads))
        expect(groups.flat()).toHaveLength(reads.length)
        for (const group of groups) {
          expect(group.length).toBeGreaterThan(0)
          expect(group.length).toBeLessThanOrEqual(64)
          const [first] = group
          if (group.length > 1) expect(first?.sharing.tables).toBeDefined()
          expect(group.every(({ sharing }) => sharing.tables === first?.sharing.tables)).toBe(true)
        }
      },
    ),
  )
})

test('what may share does', () => {
  const reads = Array.from({ length: 130 }, (_, i) => readOf(i % 2 === 0 ? 'users' : 'teams'))
  expect(groupReads(reads, false).map(({ length }) => length)).toEqual([64, 64, 1, 1])
})

test('many that find their connection idle go in two groups, so that the server answers one while the other is read', () => {
  const sizes = (count: number): number[] =>
    groupReads(
      Array.from({ length: count }, () => readOf('users')),
      true,
    ).map(({ length }) => length)
  expect(sizes(50)).toEqual([25, 25])
  expect(sizes(32)).toEqual([16, 16])
  expect(sizes(10)).toEqual([5, 5])
  expect(sizes(9)).toEqual([9])
  expect(sizes(200)).toEqual([64, 64, 64, 8])
})

function readOf(tables: string | undefined): LaneRead {
  const end = (): void => undefined
  return {
    text: '',
    sent: '',
    values: [],
    rowMode: undefined,
    types: undefined,
    sharing: { tables },
    asksAhead: false,
    question: undefined,
    abandoned: false,
    end,
  }
}
