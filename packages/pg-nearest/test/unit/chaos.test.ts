import { describe, expect, test } from 'vitest'
import {
  type Deed,
  type Evidence,
  judge,
  type Operation,
  type Promotion,
  stepsOf,
  type Wrong,
} from 'pg-nearest-world/chaos'
import { recoveries, recoveryMs, spreadOf, takeovers } from '../chaos/recovery.ts'

const deed = (more: Partial<Deed>): Deed => ({
  app: 'ord',
  kind: 'write',
  ids: [],
  invokedAt: 10,
  completedAt: 20,
  outcome: 'ok',
  ...(more.outcome === undefined || more.outcome === 'ok' ? { server: 'nrt' } : { code: 'NEAREST_NO_SERVER' }),
  ...more,
})

const promotion = (old: string, promoted: string, at: number, ids: readonly number[]): Promotion => ({
  old,
  promoted,
  startedAt: at - 5,
  standbyUntil: at - 2,
  promotedAt: at,
  ids: new Set(ids),
})

const evidence = (more: Partial<Evidence>): Evidence => ({
  deeds: [],
  rows: new Map(),
  promotions: [],
  history: [],
  losses: [],
  ...more,
})

const once = (...ids: number[]): ReadonlyMap<number, number> => new Map(ids.map((id) => [id, 1]))
const wrongs = (more: Partial<Evidence>): Wrong[] => judge(evidence(more)).findings.map(({ wrong }) => wrong)

describe('rows', () => {
  const toOrd = promotion('nrt', 'ord', 100, [1])
  const toAms = promotion('ord', 'ams', 200, [1])
  const cases: readonly [name: string, Partial<Evidence>, Wrong[]][] = [
    ['acknowledged, and there', { deeds: [deed({ ids: [1] })], rows: once(1) }, []],
    ['acknowledged, and lost', { deeds: [deed({ ids: [1] })] }, ['lost']],
    ['twice', { deeds: [deed({ ids: [1] })], rows: new Map([[1, 2]]) }, ['twice']],
    ['unknown, and twice', { deeds: [deed({ ids: [1], outcome: 'unknown' })], rows: new Map([[1, 2]]) }, ['twice']],
    ['unknown, and there', { deeds: [deed({ ids: [1], outcome: 'unknown' })], rows: once(1) }, []],
    ['unknown, and not there', { deeds: [deed({ ids: [1], outcome: 'unknown' })] }, []],
    ['given up, and there', { deeds: [deed({ ids: [1], outcome: 'aborted' })], rows: once(1) }, []],
    ['refused, and not there', { deeds: [deed({ ids: [1], outcome: 'failed' })] }, []],
    ['refused, and there', { deeds: [deed({ ids: [1], outcome: 'failed' })], rows: once(1) }, ['refused, and there']],
    [
      'one of a transaction’s two',
      { deeds: [deed({ kind: 'transaction', ids: [1, 2], outcome: 'unknown' })], rows: once(2) },
      ['torn'],
    ],
    ['of nobody', { rows: once(7) }, ['nobody’s']],
    ['not received by the promoted server', { deeds: [deed({ ids: [2] })], promotions: [toOrd] }, []],
    ['had by the promoted server, and lost after it', { deeds: [deed({ ids: [1] })], promotions: [toOrd] }, ['lost']],
    [
      'not received by the second promoted server',
      { deeds: [deed({ ids: [2] })], promotions: [promotion('nrt', 'ord', 100, [2]), toAms] },
      [],
    ],
    [
      'acknowledged by the new primary, and lost',
      { deeds: [deed({ ids: [2], invokedAt: 110, completedAt: 120, server: 'ord' })], promotions: [toOrd] },
      ['lost'],
    ],
    [
      'begun before a promotion, acknowledged by the new primary, and lost',
      { deeds: [deed({ ids: [2], invokedAt: 90, completedAt: 120, server: 'ord' })], promotions: [toOrd] },
      ['lost'],
    ],
    [
      'acknowledged by the old primary after the promotion',
      { deeds: [deed({ ids: [2], invokedAt: 110, completedAt: 120, server: 'nrt' })], promotions: [toOrd] },
      ['lost'],
    ],
    [
      'acknowledged by a server that was no primary',
      { deeds: [deed({ ids: [2], server: 'syd' })], promotions: [toOrd] },
      ['lost'],
    ],
  ]
  test.each(cases)('%s', (_, more, expected) => {
    expect(wrongs(more)).toEqual(expected)
  })

  test('are counted', () => {
    const { fates } = judge(
      evidence({
        deeds: [
          deed({ ids: [1] }),
          deed({ ids: [2] }),
          deed({ ids: [3], outcome: 'unknown' }),
          deed({ ids: [4], outcome: 'unknown' }),
          deed({ ids: [5], outcome: 'aborted' }),
          deed({ ids: [6, 7], outcome: 'failed' }),
        ],
        rows: once(1, 3),
        promotions: [promotion('nrt', 'ord', 100, [1, 3])],
      }),
    )
    expect(fates).toEqual({
      acknowledged: 2,
      notKept: 1,
      unknownThere: 1,
      unknownAbsent: 1,
      abortedThere: 0,
      abortedAbsent: 1,
      refused: 2,
    })
  })
})

describe('a read that', () => {
  const cases: readonly [name: string, Partial<Deed>, Wrong[]][] = [
    ['was answered', { kind: 'read' }, []],
    ['failed', { kind: 'read', outcome: 'failed' }, ['failed read']],
    ['was given up', { kind: 'read', outcome: 'aborted' }, ['aborted read']],
    ['was given up, of a session', { kind: 'session read', outcome: 'aborted' }, ['aborted read']],
    ['found nobody who shows what its session must see', { kind: 'session read', outcome: 'failed' }, []],
    [
      'was lost on its way to the primary, in a session',
      { kind: 'session read', outcome: 'failed', code: '08007', completedAt: 5_010 },
      [],
    ],
    [
      'was lost in a session, and did not wait for anybody else',
      { kind: 'session read', outcome: 'failed', code: '08007', completedAt: 5_009 },
      ['failed read'],
    ],
    ['was lost, in no session', { kind: 'read', outcome: 'failed', code: '08007' }, ['failed read']],
    ['failed otherwise in a session', { kind: 'session read', outcome: 'failed', code: '25006' }, ['failed read']],
    ['found nobody for its transaction', { kind: 'read-only transaction', outcome: 'failed' }, ['failed read']],
    [
      'lost its connection within a transaction',
      { kind: 'read-only transaction', outcome: 'failed', code: 'NEAREST_CONNECTION_LOST' },
      [],
    ],
    [
      'lost its connection outside of one',
      { kind: 'read', outcome: 'failed', code: 'NEAREST_CONNECTION_LOST' },
      ['failed read'],
    ],
  ]
  test.each(cases)('%s', (_, more, expected) => {
    expect(wrongs({ deeds: [deed(more)] })).toEqual(expected)
  })
})

describe('a stale read', () => {
  const operation = (more: Partial<Operation>): Operation => ({
    session: 's',
    kind: 'read',
    register: 1,
    version: 2,
    invokedAt: 10,
    completedAt: 20,
    outcome: 'ok',
    ...more,
  })
  const wrote = operation({ kind: 'write', version: 3 })
  const stale = operation({ invokedAt: 130, completedAt: 140 })
  const over = [promotion('nrt', 'ord', 100, [])]
  const told = [{ session: 's', at: 135 }]
  const cases: readonly [name: string, Partial<Evidence>, Wrong[]][] = [
    ['is found', { history: [wrote, stale] }, ['guarantee']],
    ['is found after a promotion, too', { history: [wrote, stale], promotions: over }, ['guarantee']],
    [
      'is excused by a loss that its session was told of',
      { history: [wrote, stale], promotions: over, losses: told },
      [],
    ],
    [
      'is excused by a promotion that was seen only behind it',
      {
        history: [wrote, stale],
        promotions: [{ ...promotion('nrt', 'ord', 150, []), standbyUntil: 125 }],
        losses: told,
      },
      [],
    ],
    [
      'is not excused by a promotion that is surely later',
      {
        history: [wrote, stale],
        promotions: [{ ...promotion('nrt', 'ord', 150, []), standbyUntil: 145 }],
        losses: told,
      },
      ['guarantee'],
    ],
    ['is not excused without a promotion', { history: [wrote, stale], losses: told }, ['guarantee']],
    [
      'is not excused by another session’s loss',
      { history: [wrote, stale], promotions: over, losses: [{ session: 't', at: 135 }] },
      ['guarantee'],
    ],
    [
      'is not excused by an earlier loss',
      { history: [wrote, stale], promotions: over, losses: [{ session: 's', at: 5 }] },
      ['guarantee'],
    ],
  ]
  test.each(cases)('%s', (_, more, expected) => {
    expect(wrongs(more)).toEqual(expected)
  })

  test('of a process is excused if it says that it is unproven', () => {
    const session = 'process ord'
    const says = { ...stale, session, servedBy: { server: 'ord', reason: 'unproven' as const } }
    const { findings, excusedByUnproven } = judge(evidence({ history: [{ ...wrote, session }, says] }))
    expect({ findings, excusedByUnproven }).toEqual({ findings: [], excusedByUnproven: 1 })
  })
})

describe('recovery', () => {
  const ok = (invokedAt: number, completedAt: number, more: Partial<Deed> = {}): Deed =>
    deed({ invokedAt, completedAt, ...more })
  const steady = (from: number, to: number, more: Partial<Deed> = {}): Deed[] =>
    Array.from({ length: Math.ceil((to - from) / 100) }, (_, i) => ok(from + i * 100, from + i * 100 + 20, more))
  const fault = { from: 1_000, to: 4_000 }

  test.each([
    ['not felt: the first success', [...steady(0, 6_000)], 20],
    ['an outage at once', [...steady(0, 1_000), ...steady(3_000, 6_000)], 2_020],
    ['an outage a little later', [...steady(0, 1_200), ...steady(3_000, 6_000)], 2_020],
    ['one that outlasts the fault', [...steady(0, 1_000), ...steady(5_500, 6_000)], 4_520],
    ['what was issued before it does not count', [ok(900, 1_100), ok(950, 2_000), ...steady(2_500, 6_000)], 1_520],
    ['what failed does not count', [...steady(1_000, 2_000, { outcome: 'failed' }), ...steady(2_000, 6_000)], 1_020],
    ['an outage after it is not its own', [...steady(0, 4_500), ...steady(9_000, 9_500)], 20],
    ['never', [...steady(0, 1_000)], undefined],
    ['never again', [...steady(0, 2_000)], undefined],
  ])('%s', (_, deeds, expected) => {
    expect(recoveryMs(deeds, fault)).toBe(expected)
  })

  test('is that of the last app, for reads and for writes', () => {
    const reads = { kind: 'read' } as const
    const deeds = [
      ...steady(0, 6_000),
      ...steady(0, 6_000, reads),
      ...steady(0, 1_000, { app: 'ams' }),
      ...steady(2_000, 6_000, { app: 'ams' }),
      ...steady(0, 6_000, { ...reads, app: 'ams' }),
    ]
    const inflicted = [{ name: 'kill', what: 'kill syd', ...fault }]
    expect(recoveries(deeds, inflicted)).toEqual({
      kill: {
        reads: { count: 1, min: 20, median: 20, max: 20, never: 0 },
        writes: { count: 1, min: 1_020, median: 1_020, max: 1_020, never: 0 },
      },
    })
  })

  test('of a promotion ends when every app has written to the new primary', () => {
    const deeds = [
      ok(1_000, 1_010, { server: 'nrt' }),
      ok(1_050, 1_300, { server: 'ord' }),
      ok(1_060, 1_700, { app: 'ams', server: 'ord' }),
      ok(1_000, 1_005, { app: 'ams', kind: 'read', server: 'ord' }),
    ]
    const over = { ...promotion('nrt', 'ord', 1_200, []), startedAt: 1_000 }
    expect(takeovers(deeds, [over])).toMatchObject({ max: 500, never: 0 })
    expect(takeovers(deeds.slice(0, 2).concat(deeds.slice(3)), [over])).toMatchObject({ count: 1, never: 1 })
  })

  test('min, median, max and never', () => {
    expect(spreadOf([5, undefined, 1, 3])).toEqual({ count: 4, min: 1, median: 3, max: 5, never: 1 })
    expect(spreadOf([undefined])).toEqual({ count: 1, never: 1 })
  })
})

describe('the steps', () => {
  const first = (seed: number): unknown[] => {
    const steps = stepsOf(seed)
    return Array.from({ length: 30 }, () => steps.next().value)
  }

  test('are those of the seed', () => {
    expect(first(7)).toEqual(first(7))
    expect(first(7)).not.toEqual(first(8))
  })
})
