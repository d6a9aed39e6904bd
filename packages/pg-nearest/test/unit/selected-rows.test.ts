import fc from 'fast-check'
import pg from 'pg'
import { expect, test } from 'vitest'
import { readSelectedRows } from '../../src/lane-codec/decode-data-row.ts'

function selected(tag: string, before = 3): number | undefined {
  const bytes = Buffer.from(`${' '.repeat(before)}${tag}`)
  return readSelectedRows(bytes, before, bytes.length)
}

test.each<[tag: string, rows: number | undefined]>([
  ['SELECT 0\0', 0],
  ['SELECT 1\0', 1],
  ['SELECT 999999999999999\0', 999_999_999_999_999],
  ['SELECT 9999999999999999\0', undefined],
  ['SELECT \0', undefined],
  ['SELECT\0', undefined],
  ['SELECT 1', undefined],
  ['SELECT 1 2\0', undefined],
  ['SELECT 1\0\0', undefined],
  ['select 1\0', undefined],
  ['SHOW\0', undefined],
  ['INSERT 0 1\0', undefined],
  ['', undefined],
])('%j says %o', (tag, rows) => {
  expect(selected(tag)).toBe(rows)
})

test('what it reads is what pg reads', () => {
  const parts = fc.constantFrom('SELECT', ' ', '0', '7', '42', '-', '.', '\0', 'INSERT', 'e')
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 6 }), (words) => {
      const tag = `SELECT ${words.join('')}`
      const rows = selected(`${tag}\0`)
      if (rows === undefined) return
      const result = new pg.Result('', pg.types) as unknown as pg.QueryResult & {
        addCommandComplete(m: { text: string }): void
      }
      result.addCommandComplete({ text: tag })
      expect({ command: result.command, rowCount: result.rowCount }).toEqual({ command: 'SELECT', rowCount: rows })
    }),
    { numRuns: 5_000 },
  )
})
