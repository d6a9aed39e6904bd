import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { classify } from '../../src/classification/classify.ts'
import { factsOf, keptTexts } from '../../src/statement/text-facts.ts'
import { TextCache } from '../../src/statement/text-keyed-cache.ts'
import { createLearnedWrites, type LearnedWrites } from '../../src/statement/learned-writes.ts'

const cacheOf = (max: number): LearnedWrites => createLearnedWrites({ max, now: () => 0 })

describe('statement cache', () => {
  test('gives the very same answer again, for a text of any length', () => {
    const cache = cacheOf(10)
    const { need } = cache.needOf('select 1')
    expect(need).toEqual({ class: 'read' })
    const long = `insert into t values ${'(1), '.repeat(100_000)} (1) begin`
    expect(factsOf(long)).toBe(factsOf(long))
    expect(cache.needOf(long)).toEqual({ need: { class: 'write' }, learned: false })
    expect(cache.size).toBe(0)
  })

  test('remembers what a standby refused, and nothing about other texts', () => {
    const cache = cacheOf(10)
    cache.needOf('select f()')
    cache.learnWrite('select f()')
    expect(cache.needOf('select f()').learned).toBe(true)
    expect(cache.needOf('select g()').learned).toBe(false)
    expect(cache.size).toBe(1)
  })

  test.each([
    { afterMs: 0, learned: true },
    { afterMs: 299_999, learned: true },
    { afterMs: 300_000, learned: false },
    { afterMs: 1e9, learned: false },
  ])('$afterMs ms after a standby refused it, it counts: $learned', ({ afterMs, learned }) => {
    let now = 1_000
    const cache = createLearnedWrites({ max: 10, now: () => now })
    cache.learnWrite('select f()')
    now += afterMs / 2
    cache.needOf('select f()')
    now += afterMs / 2
    expect(cache.needOf('select f()')).toEqual({ need: { class: 'read' }, learned })
    expect(cache.size).toBe(learned ? 1 : 0)
    cache.learnWrite('select f()')
    expect(cache.needOf('select f()').learned).toBe(true)
  })

  test('keeps what is used and forgets the rest', () => {
    const cache = cacheOf(10)
    cache.learnWrite('select used()')
    cache.learnWrite('select unused()')
    for (let i = 0; i < 100; i++) {
      cache.learnWrite(`select ${i}()`)
      expect(cache.needOf('select used()').learned).toBe(true)
    }
    expect(cache.needOf('select unused()').learned).toBe(false)
  })

  test('answers as classify does and keeps to its size, whatever is asked', () => {
    const text = fc.constantFrom('select 1', 'select 2', 'delete from t', 'begin', 'set a = 1', 'select 3', 'table t')
    fc.assert(
      fc.property(fc.uniqueArray(text), fc.integer({ min: 0, max: 3 }), (texts, half) => {
        const cache = cacheOf(2 * half)
        for (const asked of texts) {
          expect(cache.needOf(asked)).toEqual({ need: classify(asked), learned: false })
          cache.learnWrite(asked)
          expect(cache.needOf(asked).learned).toBe(half > 0)
          expect(cache.size).toBeLessThanOrEqual(2 * half)
        }
      }),
    )
  })
})

describe('the facts of texts', () => {
  const padded = (i: number, length: number): string => `select ${i} /* ${'x'.repeat(length)} */`

  test('are kept for so many characters, and no more, whoever sends what', () => {
    for (let i = 0; i < 2_000; i++) factsOf(padded(i, 16_000))
    expect(keptTexts() * 16_000).toBeLessThanOrEqual(8_000_000)
    for (let i = 0; i < 20; i++) factsOf(padded(i, 3_000_000))
    expect(keptTexts()).toBeLessThanOrEqual(2)
    factsOf(padded(1, 5_000_000))
    expect(keptTexts()).toBeLessThanOrEqual(2)
    for (let i = 0; i < 20_000; i++) factsOf(padded(i, 0))
    expect(keptTexts()).toBeLessThanOrEqual(10_000)
  })

  test('of what is used again and again stay, whatever comes in between', () => {
    const used = factsOf('select used')
    for (let i = 0; i < 2_000; i++) {
      factsOf(padded(i, 16_000))
      expect(factsOf('select used')).toBe(used)
    }
  })
})

describe('a cache of texts', () => {
  test('is never larger than it may be, and gives what was put there last', () => {
    const step = fc.record({ text: fc.string({ maxLength: 6 }), value: fc.option(fc.integer(), { nil: undefined }) })
    fc.assert(
      fc.property(
        fc.array(step),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 12 }),
        (steps, half, most) => {
          const cache = new TextCache<number>(2 * half, most)
          const last = new Map<string, number | undefined>()
          for (const { text, value } of steps) {
            if (value === undefined) cache.delete(text)
            else cache.set(text, value)
            last.set(text, value)
            expect(cache.size).toBeLessThanOrEqual(2 * half)
            if (half > 0 && text.length <= most) expect(cache.get(text)).toBe(value)
            for (const [key, was] of last) expect([was, undefined]).toContain(cache.get(key))
          }
        },
      ),
    )
  })
})
