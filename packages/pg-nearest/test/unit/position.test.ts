import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatLsn, normalizeInsertLsn, parseLsn } from '../../src/topology/lsn.ts'

const anyLsn = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })

test('a position survives being printed and read', () => {
  fc.assert(fc.property(anyLsn, (lsn) => parseLsn(formatLsn(lsn)) === lsn))
})

test.each([
  ['0/0', 0n],
  ['0/3000060', 0x3000060n],
  ['16/B374D848', 0x16b374d848n],
  ['ffffffff/FFFFFFFF', 0xffffffffffffffffn],
])('%s', (text, lsn) => {
  expect(parseLsn(text)).toBe(lsn)
})

test.each(['', '0', '/', '0/', 'g/0', '0/123456789', ' 0/0', '0/0\n', null, undefined])('%j is no position', (text) => {
  expect(parseLsn(text)).toBeUndefined()
})

test.each([
  { name: 'right behind a page’s header: the page’s start', lsn: '0/3002018', is: '0/3002000' },
  { name: 'right behind a segment’s longer header: its start', lsn: '0/3000028', is: '0/3000000' },
  { name: 'a short header’s length does not count at a segment’s start', lsn: '0/3000018', is: '0/3000018' },
  { name: 'a long header’s length does not count elsewhere', lsn: '0/3002028', is: '0/3002028' },
  { name: 'inside of a page', lsn: '0/3002060', is: '0/3002060' },
])('$name', ({ lsn, is }) => {
  expect(formatLsn(normalizeInsertLsn(parseLsn(lsn) ?? -1n))).toBe(is)
})

test('normalizing never goes forward, and never past the page’s start', () => {
  fc.assert(
    fc.property(anyLsn, (lsn) => {
      const normal = normalizeInsertLsn(lsn)
      return normal <= lsn && normal >= lsn - (lsn % 8192n)
    }),
  )
})
