import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  formatBookmark,
  formatUnknownFrom,
  parseBookmark,
  parseTimeBookmark,
  parseUnknownFrom,
} from '../../src/session/bookmark-text.ts'

const POSITION = formatBookmark({ systemIdentifier: '7', timeline: 1, lsn: 5n })
const timelines = fc.record({
  systemIdentifier: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map(String),
  timeline: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
})

describe('a timeline instead of a position', () => {
  const other = fc.constantFrom(...Array.from('AZaz09-_~.'))

  test('comes back as it was, and tells no position and no time', () => {
    fc.assert(
      fc.property(timelines, (from) => {
        const text = formatUnknownFrom(from)
        expect(text).toMatch(/^unknown-[\w-]{22}$/)
        for (const each of [text, `${text}~a-Nonce_1`]) expect(parseUnknownFrom(each)).toEqual({ ...from, lsn: 0n })
        expect([parseBookmark(text), parseTimeBookmark(text), parseBookmark(text.slice(8))]).toEqual([
          undefined,
          undefined,
          undefined,
        ])
      }),
    )
  })

  test('with one character changed, or missing, it is none', () => {
    fc.assert(
      fc.property(timelines, fc.nat(29), other, (from, i, character) => {
        const text = formatUnknownFrom(from)
        fc.pre(text[i] !== character)
        expect(parseUnknownFrom(text.slice(0, i) + character + text.slice(i + 1))).toBeUndefined()
        expect(parseUnknownFrom(text.slice(0, i) + text.slice(i + 1))).toBeUndefined()
      }),
    )
  })

  test.each<unknown>([
    '',
    'unknown',
    'unknown-',
    'unknown~x',
    `unknown-${POSITION.slice(0, 22)}`,
    `unknown-${POSITION}`,
    formatUnknownFrom({ systemIdentifier: '7', timeline: 0 }),
    formatUnknownFrom({ systemIdentifier: '0', timeline: 1 }),
    ` ${formatUnknownFrom({ systemIdentifier: '7', timeline: 1 })}`,
    POSITION,
    7,
    null,
  ])('%j is none', (text) => expect(parseUnknownFrom(text)).toBeUndefined())
})
