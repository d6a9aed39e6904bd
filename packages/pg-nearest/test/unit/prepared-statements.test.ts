import { expect, test } from 'vitest'
import { PreparedStatements } from '../../src/prepared-statements/prepared-statements.ts'

/** Whether each use of a text, so many seconds after the first, has to parse it. */
function parses(prepareFrom: number, ...seconds: number[]): boolean[] {
  const statements = new PreparedStatements(prepareFrom)
  return seconds.map((at) => {
    const statement = statements.of('select 1', at * 1_000)
    const { parsed } = statement
    statement.parsed = statement.name !== ''
    return !parsed
  })
}

test('a statement is prepared for two seconds, however often it is used', () => {
  expect(parses(1, 0, 1, 1.9, 2, 3, 3.9, 4, 100)).toEqual([true, false, false, true, false, false, true, true])
})

test('what was doubted is prepared for two seconds from then on', () => {
  const statements = new PreparedStatements(1)
  statements.of('select 1', 0).parsed = true
  statements.doubt()
  statements.of('select 1', 1_500).parsed = true
  expect(statements.of('select 1', 3_000).parsed).toBe(true)
})

test.each<[name: string, ms: readonly number[], isNamed: boolean]>([
  ['always the same', [1, 1, 1, 1], true],
  ['a little slower', [1, 20, 1, 20], true],
  ['far away', [130, 140, 400], true],
  ['slow from the start', [5_000, 5_000], true],
  ['slow where it was quick', [1, 1, 22], false],
  ['slow from far away', [130, 130, 1_400], false],
])('a plan that is %s', (_, ms, isNamed) => {
  const statements = new PreparedStatements(1)
  for (const each of ms) statements.ran(statements.of('update', 0), each, 0)
  expect(statements.of('update', 1).name !== '').toBe(isNamed)
  // Not for ever.
  expect(statements.of('update', 1_000_000).name).not.toBe('')
})
