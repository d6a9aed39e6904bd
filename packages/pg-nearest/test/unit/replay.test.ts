import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createCostLearner, isTelling, type CostLearner } from '../../src/replay/cost-learner.ts'
import { decide, type RequestFacts } from '../../src/replay/replay-decision.ts'
import { fateAfter, type WriteFate } from '../../src/replay/first-write-decision.ts'
import { isRedirected, redirectTo } from '../../src/replay/redirect.ts'
import { requestLength } from '../../src/replay/request-length.ts'
import { plainPathOf, routeKey } from '../../src/replay/route-key.ts'
import { createTripCounter } from '../../src/replay/trip-counter.ts'

/** A request in syd that has cost five round trips so far. */
const costly: RequestFacts = {
  method: 'POST',
  policy: 'cost',
  region: 'syd',
  primaryRegion: 'nrt',
  bodyBytes: 20,
  upgrade: false,
  replayed: false,
  replayFailed: false,
  begun: false,
  writing: false,
  sendable: true,
  unnamed: false,
  failedLately: false,
  trips: 5,
}

describe('where a request runs', () => {
  test.each<[Partial<RequestFacts>, string]>([
    [{}, 'replay costly'],
    [{ trips: 2 }, 'replay costly'],
    [{ trips: 1.5 }, 'here cheap'],
    [{ trips: 1 }, 'here cheap'],
    [{ trips: 0 }, 'here cheap'],
    [{ trips: undefined }, 'here unmeasured'],
    [{ method: 'GET' }, 'replay costly'],
    [{ method: 'GET', trips: 0 }, 'here cheap'],
    [{ method: 'OPTIONS' }, 'here preflight'],
    [{ method: 'OPTIONS', policy: 'always' }, 'here preflight'],
    [{ policy: 'always', trips: undefined }, 'replay always'],
    [{ policy: 'always', trips: 0 }, 'replay always'],
    [{ policy: 'never' }, 'here never'],
    [{ region: 'nrt' }, 'here here'],
    [{ region: undefined }, 'here no-region'],
    [{ primaryRegion: undefined }, 'here no-primary'],
    [{ bodyBytes: 1_000_000 }, 'replay costly'],
    [{ bodyBytes: 1_000_001 }, 'here body'],
    [{ bodyBytes: undefined }, 'here body'],
    [{ bodyBytes: 0 }, 'replay costly'],
    [{ upgrade: true, policy: 'always' }, 'here upgrade'],
    [{ begun: true, policy: 'always' }, 'here begun'],
    [{ replayed: true, policy: 'always' }, 'here replayed'],
    [{ replayFailed: true, policy: 'always' }, 'here replay-failed'],
    [{ replayed: true, replayFailed: true }, 'here replay-failed'],
    [{ failedLately: true }, 'here region-failed'],
    [{ failedLately: true, policy: 'always' }, 'here region-failed'],
    [{ unnamed: true, policy: 'always' }, 'here no-host'],
    [{ sendable: false, policy: 'always' }, 'here no-proxy'],
    [{ sendable: false, trips: 5 }, 'here no-proxy'],
    [{ sendable: false, policy: 'first-write', writing: true }, 'here no-proxy'],
    [{ unnamed: true }, 'here no-host'],
    [{ policy: 'first-write' }, 'here first-write'],
    [{ policy: 'first-write', writing: true }, 'replay first-write'],
    [{ policy: 'first-write', writing: true, trips: 0 }, 'replay first-write'],
    [{ policy: 'first-write', writing: true, begun: true }, 'here begun'],
    [{ policy: 'first-write', writing: true, bodyBytes: 1_000_001 }, 'here body'],
    [{ policy: 'first-write', writing: true, replayed: true }, 'here replayed'],
    [{ policy: 'first-write', writing: true, region: 'nrt' }, 'here here'],
    [{ writing: true, trips: 1 }, 'here cheap'],
  ])('%o: %s', (facts, expected) => {
    const { run, reason } = decide({ ...costly, ...facts })
    expect(`${run} ${reason}`).toBe(expected)
  })

  test('whatever is true of a request: what was sent again is not sent again, and nothing is sent to where it is', () => {
    const region = fc.option(fc.constantFrom('nrt', 'ord', 'syd'), { nil: undefined })
    const facts: fc.Arbitrary<RequestFacts> = fc.record({
      method: fc.constantFrom('GET', 'POST', 'OPTIONS', 'DELETE'),
      policy: fc.constantFrom('always', 'never', 'cost', 'first-write'),
      region,
      primaryRegion: region,
      bodyBytes: fc.option(fc.nat(2_000_000), { nil: undefined }),
      upgrade: fc.boolean(),
      replayed: fc.boolean(),
      replayFailed: fc.boolean(),
      begun: fc.boolean(),
      writing: fc.boolean(),
      sendable: fc.boolean(),
      unnamed: fc.boolean(),
      failedLately: fc.boolean(),
      trips: fc.option(fc.nat(10), { nil: undefined }),
    })
    fc.assert(
      fc.property(facts, (given) => {
        if (decide(given).run === 'here') return
        expect(given).toMatchObject({ replayed: false, replayFailed: false, upgrade: false, begun: false })
        expect(given.region).not.toBe(given.primaryRegion)
        expect([given.region, given.primaryRegion, given.bodyBytes]).not.toContain(undefined)
        expect(given.policy).not.toBe('never')
        expect(given.sendable).toBe(true)
        expect(given.unnamed).toBe(false)
        if (given.policy === 'first-write') expect(given.writing).toBe(true)
      }),
      { numRuns: 10_000 },
    )
  })
})

describe('what routes cost', () => {
  /** One request: as the router decides, with what it would cost here. */
  function request(learner: CostLearner, route: string, trips: number): 'here' | 'replay' {
    const { run } = decide({ ...costly, trips: learner.expect(route) })
    if (run === 'replay') learner.noteReplay(route)
    else learner.learn(route, trips)
    return run
  }

  test('is known after one request', () => {
    const learner = createCostLearner()
    expect([5, 5, 5].map((trips) => request(learner, 'five', trips))).toEqual(['here', 'replay', 'replay'])
    expect([1, 1, 1].map((trips) => request(learner, 'one', trips))).toEqual(['here', 'here', 'here'])
  })

  test('one request out of the ordinary changes nothing', () => {
    const learner = createCostLearner()
    for (const trips of [1, 1, 9, 1]) expect(request(learner, 'one', trips)).toBe('here')
  })

  test('a habit that gets dearer is known after two requests', () => {
    const learner = createCostLearner()
    for (let i = 0; i < 100; i++) request(learner, 'route', 1)
    expect([5, 5, 5].map((trips) => request(learner, 'route', trips))).toEqual(['here', 'here', 'replay'])
  })

  test('one that gets cheaper, with the next that is measured: after twenty', () => {
    const learner = createCostLearner()
    for (let i = 0; i < 50; i++) request(learner, 'route', 5)
    const runs = Array.from({ length: 25 }, () => request(learner, 'route', 1))
    expect(runs.slice(runs.indexOf('here')).every((run) => run === 'here')).toBe(true)
    expect(runs.indexOf('here')).toBeLessThanOrEqual(20)
  })

  test('for any habits, a router errs three times at a change, and once in twenty otherwise', () => {
    const habits = fc.array(fc.tuple(fc.constantFrom(0, 1, 2, 5, 9), fc.integer({ min: 40, max: 80 })), {
      maxLength: 6,
    })
    fc.assert(
      fc.property(habits, (periods) => {
        const learner = createCostLearner()
        for (const [trips, count] of periods) {
          const best = trips > 1.5 ? 'replay' : 'here'
          const errors = Array.from({ length: count }, () => request(learner, 'route', trips)).flatMap((run, i) =>
            run === best ? [] : [i],
          )
          const late = errors.filter((i) => i > 20)
          expect(errors.filter((i) => i <= 20).length).toBeLessThanOrEqual(21)
          expect(late.length).toBeLessThanOrEqual(Math.ceil(count / 20))
          if (best === 'here') expect(late).toEqual([])
        }
      }),
    )
  })

  test('of more than a thousand routes those used last are remembered', () => {
    const learner = createCostLearner()
    learner.learn('old', 5)
    for (let i = 0; i < 999; i++) learner.learn(`route ${i}`, 5)
    learner.learn('old', 5)
    learner.learn('new', 5)
    expect(learner.expect('old')).toBe(5)
    expect(learner.expect('route 0')).toBeUndefined()
  })
})

test.each<[string, [number, number][], number]>([
  ['none', [], 0],
  [
    'one after the other',
    [
      [0, 100],
      [100, 200],
      [205, 300],
    ],
    3,
  ],
  [
    'at the same time',
    [
      [0, 100],
      [1, 101],
      [2, 102],
    ],
    1,
  ],
  [
    'two of one, beside one of the other',
    [
      [0, 100],
      [0, 150],
      [101, 200],
    ],
    2,
  ],
])('%s', (_, spans, trips) => {
  const counter = createTripCounter()
  for (const [start, end] of spans) counter.note(start, end)
  expect(counter.trips).toBe(trips)
})

describe('a request that is replayed at its first write', () => {
  test.each<[string, [writes: boolean, mayReplay: boolean][], WriteFate]>([
    ['nothing', [], 'undecided'],
    ['a write', [[true, true]], 'replayed'],
    ['a write after the response began', [[true, false]], 'here'],
    ['what looks like a read, on the primary', [[false, true]], 'here'],
    [
      'a write behind it',
      [
        [false, true],
        [true, true],
      ],
      'here',
    ],
    [
      'a write that was made here, and another',
      [
        [true, false],
        [true, true],
      ],
      'here',
    ],
    [
      'a write behind one that was not sent',
      [
        [true, true],
        [true, false],
      ],
      'replayed',
    ],
  ])('after %s', (_, attempts, expected) => {
    let fate: WriteFate = 'undecided'
    for (const [writes, mayReplay] of attempts) fate = fateAfter(fate, writes, mayReplay)
    expect(fate).toBe(expected)
  })

  test('never both writes here and is replayed', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean())), (attempts) => {
        let fate: WriteFate = 'undecided'
        let sent = 0
        for (const [writes, mayReplay] of attempts) {
          fate = fateAfter(fate, writes, mayReplay)
          if (fate === 'here') sent++
        }
        expect(fate === 'replayed' && sent > 0).toBe(false)
      }),
    )
  })
})

describe('a redirect', () => {
  test.each([
    ['https://nrt.example.com', '/a', 'https://nrt.example.com/a?pg-nearest-replayed=syd'],
    ['https://nrt.example.com/', '/a?b=1&b=2', 'https://nrt.example.com/a?b=1&b=2&pg-nearest-replayed=syd'],
    ['http://127.0.0.1:8080', 'https://app.example.com/a#b', 'http://127.0.0.1:8080/a?pg-nearest-replayed=syd'],
    ['https://nrt.example.com', '//evil.example/a', 'https://nrt.example.com//evil.example/a?pg-nearest-replayed=syd'],
    ['https://nrt.example.com', '@evil.example', 'https://nrt.example.com/@evil.example?pg-nearest-replayed=syd'],
    ['https://nrt.example.com', '/a\u00FC b', 'https://nrt.example.com/a%C3%BC%20b?pg-nearest-replayed=syd'],
  ])('to %s of %s', (host, url, expected) => {
    const location = redirectTo(host, url, 'syd')
    expect(location).toBe(expected)
    expect(isRedirected(location)).toBe(true)
    expect(isRedirected(url)).toBe(false)
  })

  test('stays at its host and is known again, whatever the path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (text) => {
        const location = redirectTo('https://nrt.example.com', `/${text}`, 'syd')
        expect(new URL(location).origin).toBe('https://nrt.example.com')
        expect(isRedirected(location)).toBe(true)
        expect(() => new Headers({ location })).not.toThrow()
      }),
      { numRuns: 2_000 },
    )
  })
})

test.each([
  ['POST', '/users', 'POST /users'],
  ['POST', '/users?a=1#b', 'POST /users'],
  ['GET', 'https://example.com/users/42', 'GET /users/:id'],
  ['GET', 'https://example.com', 'GET /'],
  ['GET', '/', 'GET /'],
  ['GET', '/a/6f9619ff-8b86-d011-b42d-00cf4fc964ff/b', 'GET /a/:id/b'],
  ['GET', '/posts/my-first-post', 'GET /posts/my-first-post'],
  ['GET', '/objects/01ARZ3NDEKTSV4RRFFQ69G5FAV', 'GET /objects/:id'],
  ['POST', '/%E6%B3%A8%E6%96%87/12', 'POST /%E6%B3%A8%E6%96%87/:id'],
  ['GET', `/${'x'.repeat(500)}`, `GET /${'x'.repeat(195)}`],
])('the route of %s %s', (method, url, key) => {
  expect(routeKey(method, plainPathOf(url))).toBe(key)
})

test.each([
  [{}, 0],
  [{ 'content-length': '12' }, 12],
  [{ 'content-length': '12, 12' }, undefined],
  [{ 'content-length': '-1' }, undefined],
  [{ 'content-length': 'x' }, undefined],
  [{ 'transfer-encoding': 'chunked' }, undefined],
  [{ 'transfer-encoding': 'chunked', 'content-length': '5' }, undefined],
])('the length of a body by %j: %s', (headers: Record<string, string>, length) => {
  expect(requestLength((name) => headers[name])).toBe(length)
})

test('a request that was turned away before it came to the primary, or that failed, says nothing of its route', () => {
  const cases = [
    [200, 0],
    [302, 5],
    [401, 0],
    [415, 0],
    [409, 3],
    [500, 5],
  ] as const
  expect(cases.map(([status, trips]) => isTelling(status, trips))).toEqual([true, true, false, false, true, false])
})

test('what runs at the same time is waited for once', () => {
  const counter = createTripCounter()
  for (const [start, end] of [
    [0, 100],
    [50, 120],
    [10, 130],
    [200, 240],
  ] as const)
    counter.note(start, end)
  expect([counter.trips, counter.waitedMs]).toEqual([2, 170])
})
