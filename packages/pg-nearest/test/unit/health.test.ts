import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isUsable, nextHealth, type Health, type Sign } from '../../src/topology/health.ts'

const healths: readonly Health[] = ['connecting', 'up', 'suspect', 'down', 'leaving']
const signs: readonly Sign[] = ['answered', 'served', 'refused', 'unreachable', 'silent', 'lost', 'removed']

/** One row for each health, one column for each sign. */
const table: Readonly<Record<Health, readonly Health[]>> = {
  connecting: ['up', 'connecting', 'down', 'down', 'down', 'connecting', 'leaving'],
  up: ['up', 'up', 'suspect', 'down', 'down', 'suspect', 'leaving'],
  suspect: ['up', 'suspect', 'suspect', 'down', 'down', 'suspect', 'leaving'],
  down: ['up', 'suspect', 'down', 'down', 'down', 'down', 'leaving'],
  leaving: ['leaving', 'leaving', 'leaving', 'leaving', 'leaving', 'leaving', 'leaving'],
}

describe('what becomes of a server', () => {
  const cells = healths.flatMap((health) => signs.map((sign, i) => ({ health, sign, then: table[health][i] })))
  test.each(cells)('$health, $sign: $then', ({ health, sign, then }) => {
    expect(nextHealth(health, sign)).toBe(then)
  })
})

test('whatever has happened: an answer heals everything but leaving, and only that is for ever', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...signs)), (history) => {
      let health: Health = 'connecting'
      for (const sign of history) health = nextHealth(health, sign)
      expect(health === 'leaving').toBe(history.includes('removed'))
      if (health !== 'leaving') expect(isUsable({ health: nextHealth(health, 'answered') })).toBe(true)
    }),
  )
})

test('a server that was up and only refuses stays usable', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom<Sign>('answered', 'served', 'refused', 'lost')), (history) => {
      let health: Health = 'up'
      for (const sign of history) health = nextHealth(health, sign)
      expect(isUsable({ health })).toBe(true)
    }),
  )
})
