import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createBookmarkSeal } from '../../src/http-session/bookmark-seal.ts'

const OLD = 'the old secret of this app'
const NEW = 'the new secret of this app'
const NOW = 1_790_000_000_000
const sealOf = (secret: string | readonly string[], maxAgeMs = 60_000) => createBookmarkSeal({ secret, maxAgeMs })
const other = (character: string): string => (character === 'A' ? 'B' : 'A')

describe('a sealed bookmark', () => {
  test('opens to what was sealed, until its time is over', () => {
    const seal = sealOf(NEW)
    const sealed = seal.seal('a-bookmark', NOW)
    expect(sealed).toMatch(/^a-bookmark\.[0-9a-z]+\.[\w-]{43}$/)
    const answers = [0, 59_999, 60_000, 3_600_000].map((later) => seal.open(sealed, NOW + later))
    expect(answers).toEqual(['a-bookmark', 'a-bookmark', undefined, undefined])
  })

  test('any text comes back as it was', () => {
    const seal = sealOf(NEW)
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'binary' }), (text) => {
        expect(seal.open(seal.seal(text, NOW), NOW)).toBe(text)
      }),
    )
  })

  test('one changed character anywhere closes it', () => {
    const seal = sealOf(NEW)
    const sealed = seal.seal('a-bookmark', NOW)
    for (let i = 0; i < sealed.length; i++) {
      const changed = sealed.slice(0, i) + other(sealed.charAt(i)) + sealed.slice(i + 1)
      expect(seal.open(changed, NOW)).toBeUndefined()
      expect(seal.open(sealed.slice(0, i), NOW)).toBeUndefined()
      expect(seal.open(sealed.slice(i + 1), NOW)).toBeUndefined()
    }
  })

  test('the text and the time are signed apart: nothing moves from one to the other', () => {
    const seal = sealOf(NEW)
    const [text, expiry, signature] = seal.seal('a-bookmark', NOW).split('.')
    expect(seal.open(`${text}.${expiry?.slice(0, 1)}.${expiry?.slice(1)}.${signature}`, NOW)).toBeUndefined()
    expect(seal.open(`${text}.z${expiry}.${signature}`, NOW)).toBeUndefined()
    expect(seal.open(`${text}.0${expiry}.${signature}`, NOW)).toBeUndefined()
  })

  test('the first secret signs, each one opens, and another one does not', () => {
    const before = sealOf(OLD).seal('old', NOW)
    const rotated = sealOf([NEW, OLD])
    expect(rotated.open(before, NOW)).toBe('old')
    expect(sealOf(NEW).open(rotated.seal('new', NOW), NOW)).toBe('new')
    expect(sealOf(OLD).open(rotated.seal('new', NOW), NOW)).toBeUndefined()
    expect(sealOf(NEW).open(before, NOW)).toBeUndefined()
  })

  test('10,000 texts that were not sealed here open nothing and break nothing', () => {
    const seal = sealOf(NEW)
    const sealed = seal.seal('a-bookmark', NOW)
    const piece = fc.constantFrom(...sealed.split('.'), '.', '', '=', 'é', '\0')
    const mangled = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('.')),
    )
    fc.assert(
      fc.property(mangled, (text) => {
        expect(seal.open(text, NOW)).toBe(text === sealed ? 'a-bookmark' : undefined)
      }),
      { numRuns: 10_000 },
    )
  })

  test.each([
    ['a short one', 'fifteen letters'],
    ['none', undefined],
    ['an empty list', []],
    ['a short one behind a long one', [NEW, 'short']],
    ['a number', 1_234_567_890_123_456],
  ])('a secret that cannot be one is refused, and not repeated: %s', (_what, secret) => {
    const make = (): unknown => sealOf(secret as string)
    expect(make).toThrow(expect.objectContaining({ name: 'OptionError', option: 'secret' }))
    expect(make).not.toThrow(/fifteen letters|short/)
  })
})
