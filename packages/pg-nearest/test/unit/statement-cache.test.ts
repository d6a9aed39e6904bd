import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { classify } from '../../src/statement/classify.ts'
import { createStatementCache, type StatementCache } from '../../src/statement/statement-cache.ts'

const cacheOf = (max: number): StatementCache => createStatementCache({ max, now: () => 0 })

describe('statement cache', () => {
  test('gives the very same answer again', () => {
    const cache = cacheOf(10)
    const first = cache.needOf('select 1')
    expect(first).toEqual({ need: { class: 'read' }, learned: false })
    expect(cache.needOf('select 1')).toBe(first)
    expect(cache.size).toBe(1)
  })

  test('remembers what a standby refused, and nothing about other texts', () => {
    const cache = cacheOf(10)
    cache.needOf('select f()')
    cache.learnWrite('select f()')
    expect(cache.needOf('select f()').learned).toBe(true)
    expect(cache.needOf('select g()').learned).toBe(false)
    expect(cache.size).toBe(2)
  })

  test.each([
    { afterMs: 0, learned: true },
    { afterMs: 299_999, learned: true },
    { afterMs: 300_000, learned: false },
    { afterMs: 1e9, learned: false },
  ])('$afterMs ms after a standby refused it, it counts: $learned', ({ afterMs, learned }) => {
    let now = 1_000
    const cache = createStatementCache({ max: 10, now: () => now })
    cache.learnWrite('select f()')
    now += afterMs / 2
    cache.needOf('select f()')
    now += afterMs / 2
    expect(cache.needOf('select f()')).toEqual({ need: { class: 'read' }, learned })
    expect(cache.size).toBe(1)
    cache.learnWrite('select f()')
    expect(cache.needOf('select f()').learned).toBe(true)
  })

  test('keeps what is used and forgets the rest', () => {
    const cache = cacheOf(10)
    cache.learnWrite('select used()')
    cache.learnWrite('select unused()')
    for (let i = 0; i < 100; i++) {
      cache.needOf(`select ${i}`)
      expect(cache.needOf('select used()').learned).toBe(true)
    }
    expect(cache.needOf('select unused()').learned).toBe(false)
  })

  test('does not keep a huge text, unless a standby refused it', () => {
    const cache = cacheOf(10)
    const huge = `select ${'1 + '.repeat(10_000)} 1`
    cache.needOf(huge)
    expect(cache.size).toBe(0)
    cache.learnWrite(huge)
    expect(cache.needOf(huge).learned).toBe(true)
  })

  test('bounds the characters it keeps', () => {
    const cache = cacheOf(100_000)
    for (let i = 0; i < 2_000; i++) cache.needOf(`select ${i} /* ${'x'.repeat(16_000)} */`)
    expect(cache.size * 16_000).toBeLessThanOrEqual(8_000_000)
    expect(cache.size).toBeGreaterThan(0)
  })

  test('answers as classify does and keeps to its size, whatever is asked', () => {
    const text = fc.constantFrom('select 1', 'select 2', 'delete from t', 'begin', 'set a = 1', 'select 3', 'table t')
    fc.assert(
      fc.property(fc.array(text), fc.integer({ min: 0, max: 3 }), (texts, half) => {
        const cache = cacheOf(2 * half)
        for (const asked of texts) {
          expect(cache.needOf(asked)).toEqual({ need: classify(asked), learned: false })
          expect(cache.size).toBeLessThanOrEqual(2 * half)
        }
      }),
    )
  })
})
