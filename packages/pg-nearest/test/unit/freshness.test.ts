import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { orderByFreshness, type FreshnessEstimate } from '../../src/freshness/order-by-freshness.ts'
import { isAsNear, nearMs, waitBudgetMs, waitMs } from '../../src/freshness/wait-budget.ts'
import type { Attempt } from '../../src/route/plan-servers.ts'
import { positionWithin } from '../../src/observations/staleness.ts'

const planned: Attempt[] = [
  { server: 'ord', reason: 'own-region' },
  { server: 'atl', reason: 'nearest' },
  { server: 'nrt', reason: 'nearest' },
  { server: 'syd', reason: 'nearest' },
]

const isNrt = (server: string): boolean => server === 'nrt'

describe('the order of a read’s servers', () => {
  test.each<[string, Record<string, FreshnessEstimate>, string]>([
    [
      'the best shows it',
      { ord: 'shows', atl: 'far', nrt: 'primary', syd: 'far' },
      'ord own-region, nrt nearest, atl lagging, syd lagging',
    ],
    [
      'the best is asked if that is cheap',
      { ord: 'near', atl: 'far', nrt: 'primary', syd: 'shows' },
      'ord own-region, nrt nearest, syd nearest, atl lagging',
    ],
    [
      'nobody is asked on the way to the primary',
      { ord: 'far', atl: 'near', nrt: 'primary', syd: 'far' },
      'nrt lagging, ord lagging, atl lagging, syd lagging',
    ],
    [
      'a nearer one that shows it comes before the primary',
      { ord: 'never', atl: 'shows', nrt: 'primary', syd: 'never' },
      'atl lagging, nrt lagging',
    ],
    ['only the primary can', { ord: 'never', atl: 'never', nrt: 'primary', syd: 'never' }, 'nrt lagging'],
  ])('%s', (_, outlooks, order) => {
    const ordered = orderByFreshness(planned, (server) => outlooks[server] ?? 'never', isNrt)
    expect(ordered.map(({ server, reason }) => `${server} ${reason}`).join(', ')).toBe(order)
  })

  test('of hundreds only the best are looked at, and the primary comes ahead of the rest', () => {
    const many = Array.from({ length: 300 }, (_, i): Attempt => ({ server: `r${i}`, reason: 'nearest' }))
    let estimated = 0
    const estimate = (): FreshnessEstimate => {
      estimated++
      return 'never'
    }
    const ordered = orderByFreshness([...many, { server: 'nrt', reason: 'nearest' }], estimate, isNrt)
    expect(ordered[0]).toEqual({ server: 'nrt', reason: 'lagging' })
    expect(ordered).toHaveLength(1 + 300 - 16)
    expect(estimated).toBe(16)
  })

  test('never invents a server, never repeats one, and drops only those that cannot prove it', () => {
    const outlook = fc.constantFrom<FreshnessEstimate>('shows', 'primary', 'near', 'far', 'never')
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(fc.string(), outlook), { selector: ([name]) => name }), (servers) => {
        const outlooks = new Map(servers)
        const attempts = servers.map(([server]): Attempt => ({ server, reason: 'nearest' }))
        const ordered = orderByFreshness(attempts, (server) => outlooks.get(server) ?? 'never', isNrt)
        const kept = servers.filter(([, each]) => each !== 'never').map(([server]) => server)
        expect(ordered.map(({ server }) => server).toSorted()).toEqual(kept.toSorted())
      }),
    )
  })
})

describe('how long to wait for a replica', () => {
  test.each([
    [undefined, undefined, 3],
    [0.3, 0.3, 3],
    [100, 0.5, 8],
    [100, 5, 3.5],
    [200, 1, 16],
  ])('%s ms from the primary, %s ms from the replica: at most %s ms', (primary, replica, ms) =>
    expect(waitBudgetMs(primary, replica)).toBe(ms),
  )

  test.each([
    [0.3, 0.3, true],
    [4, 3.5, true],
    [3.3, 0.3, true],
    [3.4, 0.3, false],
    [130, 0.3, false],
    [0.3, 60, true],
    [undefined, 0.3, false],
    [0.3, undefined, false],
  ])('a primary at %s ms is as near as a replica at %s ms: %s', (primary, replica, expected) =>
    expect(isAsNear(primary, replica)).toBe(expected),
  )

  test('asking in vain and waiting in vain cost a tenth of the way to the primary, or a few milliseconds', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1_000, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (primary, share) => {
          const replica = nearMs(primary) * share
          expect(replica + waitBudgetMs(primary, replica)).toBeLessThanOrEqual(Math.max(0.1 * primary, 6))
        },
      ),
    )
  })

  test.each([
    ['nothing is known of its pace', undefined, 4],
    ['it was found behind only a moment ago', { sinceMs: 1, bytes: 0n }, 4],
    ['it stands still', { sinceMs: 50, bytes: 0n }, 0],
    ['it is fast enough', { sinceMs: 10, bytes: 10_000n }, 4],
    ['it is too slow', { sinceMs: 10, bytes: 100n }, 0],
  ])('%s', (_, pace, ms) => expect(waitMs(4, 1_000n, pace)).toBe(ms))
})

describe('the oldest position that is fresh enough', () => {
  const trail = [
    { lsn: 10n, at: 1_000 },
    { lsn: 20n, at: 2_000 },
    { lsn: 30n, at: 3_000 },
  ]
  test.each([
    [5_000, 10n],
    [2_000, 20n],
    [1_000, 30n],
    [999, undefined],
    [0, undefined],
  ])('within %s ms', (maxMs, lsn) => expect(positionWithin(trail, 4_000, maxMs)).toBe(lsn))
})
