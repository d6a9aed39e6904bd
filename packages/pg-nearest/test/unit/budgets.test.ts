import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hedgeOptions, isHedge } from '../../src/limits/hedge-options.ts'
import { createHedging } from '../../src/limits/hedge-policy.ts'
import { createRetryBudget } from '../../src/limits/retry-budget.ts'

describe('the budget of retries', () => {
  test('has a reserve, and then a fifth of what is asked', () => {
    const budget = createRetryBudget(3)
    expect([1, 2, 3, 4].map(() => budget.withdraw())).toEqual([true, true, true, false])
    for (let i = 0; i < 5; i++) budget.deposit()
    expect([1, 2].map(() => budget.withdraw())).toEqual([true, false])
  })

  test('takes nothing from losses, however much a replica lags', () => {
    const budget = createRetryBudget(1, 2)
    expect([1, 2, 3].map(() => budget.withdraw('lag'))).toEqual([true, true, false])
    expect([1, 2].map(() => budget.withdraw('loss'))).toEqual([true, false])
    budget.refund('lag')
    expect([1, 2].map(() => budget.withdraw('lag'))).toEqual([true, false])
    expect(budget.withdraw('loss')).toBe(false)
  })

  test('whatever happens, retries are no more than the reserve and a fifth', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 500 }), fc.nat(20), (steps, reserve) => {
        const budget = createRetryBudget(reserve)
        let asked = 0
        let retried = 0
        for (const begins of steps) {
          if (begins) {
            budget.deposit()
            asked++
          } else if (budget.withdraw()) retried++
        }
        expect(retried).toBeLessThanOrEqual(reserve + asked * 0.2 + 1e-6)
      }),
    )
  })
})

describe('hedging', () => {
  test('waits until enough is known, and then for the percentile', () => {
    const hedging = createHedging(hedgeOptions({ percentile: 0.9 }))
    for (let i = 1; i <= 19; i++) hedging.note(i)
    expect(hedging.begin()).toBeUndefined()
    for (let i = 20; i <= 100; i++) hedging.note(i)
    expect(hedging.begin()).toBeGreaterThan(80)
    expect(hedging.begin()).toBeLessThanOrEqual(100)
  })

  test('asks no more than its share, and a few after a quiet time', () => {
    const hedging = createHedging(hedgeOptions({ budget: 0.05 }))
    let asked = 0
    for (let i = 0; i < 10_000; i++) {
      hedging.begin()
      if (hedging.take()) asked++
    }
    expect(asked).toBeGreaterThan(400)
    expect(asked).toBeLessThanOrEqual(10_000 * 0.05 + 1)
    for (let i = 0; i < 10_000; i++) hedging.begin()
    let inARow = 0
    while (hedging.take()) inARow++
    expect(inARow).toBeLessThanOrEqual(10)
  })

  test.each([
    [true, true],
    [false, true],
    [{}, true],
    [{ percentile: 0.5, budget: 1 }, true],
    [{ percentile: 1 }, false],
    [{ budget: 0 }, false],
    [{ percentile: Number.NaN }, false],
    [{ when: 0.5 }, false],
    [[0.5], false],
    ['yes', false],
    [null, false],
  ])('hedge: %j may be given: %s', (value, may) => {
    expect(isHedge(value)).toBe(may)
  })
})
