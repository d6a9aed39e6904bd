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

test('a statement is prepared for a minute, however often it is used', () => {
  expect(parses(1, 0, 30, 59, 60, 90, 119, 120, 1_000)).toEqual([true, false, false, true, false, false, true, true])
})

test('what was doubted is prepared for a minute from then on', () => {
  const statements = new PreparedStatements(1)
  statements.of('select 1', 0).parsed = true
  statements.doubt()
  statements.of('select 1', 50_000).parsed = true
  expect(statements.of('select 1', 100_000).parsed).toBe(true)
})
