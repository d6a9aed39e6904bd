import fc from 'fast-check'
import type { ServerFacts, StatementFacts, WorldEvent } from 'pg-nearest-page'
import { describe, expect, it } from 'vitest'
import { createRunningVerdict } from '../../src/chaos/running-verdict.ts'
import type { Deed } from '../../src/chaos/deed.ts'
import type { Evidence } from '../../src/chaos/verdict.ts'
import { isNews } from '../../src/page/is-news.ts'
import { createPace } from '../../src/page/pace.ts'
import { parseAction } from '../../src/page/parse-action.ts'
import { isRead, movedTo, readingFrom, withRead, type Read } from '../../src/page/reading-from.ts'
import { createStatementSample } from '../../src/page/statement-sample.ts'

describe('parseAction', () => {
  it.each<[asked: unknown]>([
    [{ do: 'kill', region: 'ord' }],
    [{ do: 'add', region: 'fra' }],
    [{ do: 'lag', region: 'ord', ms: 2_000 }],
    [{ do: 'rtt', a: 'nrt', b: 'ord', ms: 0 }],
    [{ do: 'partition', a: 'nrt', b: 'ord' }],
    [{ do: 'sessions', on: false }],
    [{ do: 'chaos', on: true }],
    [{ do: 'cross', from: 'nrt', to: 'ord', text: "Robert'); drop table notes;--" }],
  ])('takes %j', (asked) => {
    expect(parseAction(asked)).toEqual(asked)
  })

  it.each<[asked: unknown]>([
    [undefined],
    [null],
    ['kill'],
    [[]],
    [{}],
    [{ do: 'stop' }],
    [{ do: 'kill' }],
    [{ do: 'kill', region: '../etc' }],
    [{ do: 'kill', region: ['ord'] }],
    [{ do: 'lag', region: 'ord', ms: -1 }],
    [{ do: 'lag', region: 'ord', ms: '1' }],
    [{ do: 'lag', region: 'ord', ms: 1e9 }],
    [{ do: 'rtt', a: 'nrt', b: 'ord', ms: Number.NaN }],
    [{ do: 'sessions', on: 1 }],
    [{ do: 'cross', from: 'nrt', to: 'ord', text: '' }],
    [{ do: 'cross', from: 'nrt', to: 'ord', text: 'x'.repeat(81) }],
  ])('refuses %j', (asked) => {
    expect(parseAction(asked)).toBeUndefined()
  })

  it('answers to anything', () => {
    fc.assert(fc.property(fc.anything(), (asked) => void parseAction(asked)))
  })

  it('passes on nothing that it does not know', () => {
    expect(parseAction({ do: 'kill', region: 'ord', as: 'root' })).toEqual({ do: 'kill', region: 'ord' })
  })
})

describe('where an app reads', () => {
  const ord = { server: 'ord', reason: 'own-region' } as const
  const atl = { server: 'atl', reason: 'nearest' } as const
  const nrt = { server: 'nrt', reason: 'lagging' } as const
  const retried = { server: 'atl', reason: 'retry' } as const
  const some = (many: number, read: Read): readonly Read[] => Array.from({ length: many }, () => read)
  const after = (reads: readonly Read[]): readonly Read[] =>
    reads.reduce<readonly Read[]>((latest, read) => withRead(latest, read), [])

  it.each<[what: string, reads: readonly Read[], from: string | undefined]>([
    ['nothing of nothing', [], undefined],
    ['nothing of one', [ord], undefined],
    ['next door', [ord, ord], 'ord'],
    ['elsewhere, two reads after a server has died', [ord, ord, ord, ord, retried, atl, atl], 'atl'],
    ['nothing yet while the distance has decided once', [ord, ord, ord, retried, atl], undefined],
    ['next door again', [atl, atl, atl, atl, ord, ord], 'ord'],
    ['next door, though single reads look for what their session has written', [ord, nrt, ord, nrt], 'ord'],
    ['at the primary, if all do that', [ord, ord, ...some(8, nrt)], 'nrt'],
    ['next door, though several in a row do', [ord, ord, ...some(6, nrt)], 'ord'],
    ['nothing yet between the two', [ord, ...some(7, nrt)], undefined],
  ])('tells %s', (_what, reads, from) => {
    expect(readingFrom(after(reads))).toBe(from)
  })

  const servers = (ordHealth: 'up' | 'down', chosen: string) =>
    (['nrt', 'ord', 'atl'] as const).map((name) => ({
      name,
      health: name === 'ord' ? ordHealth : ('up' as const),
      readFrom: name === chosen,
    }))

  it.each<[what: string, read: Pick<Read, 'server'>, known: ReturnType<typeof servers>, to: string | undefined]>([
    ['the first read that goes where the pool reads now', atl, servers('down', 'atl'), 'atl'],
    ['one that was on its way when the server died', retried, servers('down', 'atl'), 'atl'],
    ['one that looks at the primary for what its session has written', nrt, servers('down', 'atl'), 'atl'],
    ['the primary, if the pool reads there', nrt, servers('down', 'nrt'), 'nrt'],
    ['nothing while the pool has chosen nobody', nrt, servers('down', 'none'), undefined],
    ['nothing while the server is up', atl, servers('up', 'atl'), undefined],
  ])('tells of a dead server by %s', (_what, read, known, to) => {
    expect(movedTo('ord', read, known)).toBe(to)
  })

  it('goes by the reads alone', () => {
    expect(isRead('write')).toBe(false)
    expect(isRead('transaction')).toBe(false)
    expect(isRead('own-region')).toBe(true)
    expect(isRead('lagging')).toBe(true)
  })
})

describe('the sample of statements', () => {
  const event = (reason: 'own-region' | 'lagging' | 'write', attempts = 1, error?: unknown) => ({
    text: '',
    mode: 'normal' as const,
    durationMs: 1,
    servedBy: { server: 'ord', region: 'ord', role: 'replica' as const, reason, attempts },
    ...(error === undefined ? {} : { error }),
  })

  it('keeps what is rare, and makes nothing of what it does not keep', () => {
    const sample = createStatementSample<string>()
    let made = 0
    const offer = (name: string, given: ReturnType<typeof event>): void =>
      sample.offer(given, () => {
        made++
        return name
      })
    for (let i = 0; i < 20; i++) offer('next door', event('own-region'))
    expect(made).toBe(4)
    offer('failed', event('own-region', 1, new Error('it failed')))
    offer('retried', event('own-region', 2))
    offer('lagging', event('lagging'))
    offer('write', event('write'))
    offer('next door', event('own-region'))
    expect(sample.take().toSorted()).toEqual(['failed', 'lagging', 'retried', 'write'])
    expect(sample.take()).toEqual([])
  })
})

describe('the running verdict', () => {
  const deed = (more: Partial<Deed>): Deed => ({
    app: 'ord',
    kind: 'write',
    ids: [],
    invokedAt: 10,
    completedAt: 20,
    outcome: 'ok',
    server: 'nrt',
    ...more,
  })
  const evidence = (more: Partial<Evidence>): Evidence => ({
    deeds: [],
    rows: new Map(),
    promotions: [],
    history: [],
    losses: [],
    ...more,
  })
  const operation = (kind: 'read' | 'write', version: number, at: number) =>
    ({ session: 's', kind, register: 1, version, invokedAt: at, completedAt: at + 1, outcome: 'ok' }) as const

  it('counts each fault once, however often it is judged, and keeps it when its evidence is gone', () => {
    const verdict = createRunningVerdict()
    const wrong = evidence({
      deeds: [deed({ ids: [1] }), deed({ ids: [2] }), deed({ kind: 'read', outcome: 'failed', code: 'XX000' })],
      rows: new Map([[2, 2]]),
      history: [operation('write', 3, 1), operation('read', 2, 5)],
    })
    verdict.judge(wrong)
    verdict.judge(wrong)
    verdict.judge(evidence({}))
    expect(verdict.counts).toMatchObject({
      readsFailed: 1,
      writesLost: 1,
      writesDoubled: 1,
      sessionsBack: 1,
      leftBehind: 0,
    })
  })

  it('does not count as lost what no promoted server had', () => {
    const verdict = createRunningVerdict()
    const promotions = [
      { old: 'nrt', promoted: 'ord', startedAt: 95, standbyUntil: 98, promotedAt: 100, ids: new Set<number>() },
    ]
    verdict.judge(evidence({ deeds: [deed({ ids: [7] })], promotions }))
    expect(verdict.counts).toMatchObject({ writesLost: 0, leftBehind: 1 })
  })
})

describe('the pace of a page', () => {
  it('takes every eighth turn at rest, and all of them for twenty seconds from what happens', () => {
    let now = 0
    const pace = createPace(() => now)
    const [one, another] = [pace.turns(), pace.turns()]
    const taken = (turns: () => boolean): number => Array.from({ length: 16 }, () => turns()).filter(Boolean).length
    expect([taken(one), taken(another)]).toEqual([2, 2])
    pace.quicken()
    expect(taken(one)).toBe(16)
    now = 19_999
    expect(taken(one)).toBe(16)
    now = 20_000
    expect(taken(one)).toBe(2)
  })

  it('begins with a turn that is taken, so that nothing waits for its first figure', () => {
    expect(createPace(() => 0).turns()()).toBe(true)
  })

  const server: ServerFacts = {
    region: 'ord',
    role: 'replica',
    lsn: '0/1',
    lagBytes: 0,
    lagMs: 0,
    paused: false,
    heldBackMs: 0,
    connections: 3,
  }
  const statement: StatementFacts = {
    id: 1,
    at: 0,
    region: 'ord',
    text: 'select 1',
    ms: 1,
    server: 'nrt',
    reason: 'lagging',
    failed: [{ server: 'ord', why: 'It does not show yet what this session has written.' }],
    sessions: true,
    rttMs: 128,
    error: undefined,
    choices: [],
  }
  const servers = (changes: Partial<ServerFacts>): WorldEvent => ({
    type: 'servers',
    servers: [{ ...server, ...changes }],
  })
  it.each<[what: string, event: WorldEvent, expected: boolean]>([
    ['the WAL goes on', servers({ lsn: '0/2', lagBytes: 8, lagMs: 3, connections: 4 }), false],
    ['a server goes down', servers({ role: 'down' }), true],
    ['one is promoted', servers({ role: 'primary' }), true],
    ['its replay is paused', servers({ paused: true }), true],
    ['its replay is held back', servers({ heldBackMs: 300 }), true],
    ['one joins', { type: 'servers', servers: [server, { ...server, region: 'fra' }] }, true],
    ['a read finds its replica behind', { type: 'statements', statements: [statement] }, false],
    ['a statement fails', { type: 'statements', statements: [{ ...statement, error: 'It failed.' }] }, true],
    ['time goes by', { type: 'latency', at: 0, samples: [] }, false],
    ['an app reads elsewhere', { type: 'reading', region: 'ord', from: 'atl', reason: 'nearest', at: 0 }, true],
    ['somebody does something', { type: 'busy', what: 'Killing Chicago' }, true],
    ['chaos begins', { type: 'chaos', chaos: { endsAt: 0, broken: undefined } }, true],
  ])('%s', (_, event, expected) => {
    expect(isNews({ servers: [server] }, event)).toBe(expected)
  })
})
