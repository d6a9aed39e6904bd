import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createKnownPositions } from '../../src/positions/known-positions.ts'
import {
  formatBookmark,
  formatTimeBookmark,
  parseBookmark,
  parseTimeBookmark,
} from '../../src/session/bookmark-text.ts'
import { laterBookmark, shows, type Bookmark } from '../../src/session/bookmark.ts'

const at = (timeline: number, lsn: bigint, systemIdentifier = '7'): Bookmark => ({ systemIdentifier, timeline, lsn })

const bookmarks = fc.record({
  systemIdentifier: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map(String),
  timeline: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  lsn: fc.bigInt({ min: 1n, max: 2n ** 64n - 2n }),
})
const ofOneCluster = bookmarks.map((bookmark) => ({ ...bookmark, systemIdentifier: '7' }))

const NO_FORKS = { latestTimeline: () => 0, forkPositionOf: () => undefined }

describe('as a text', () => {
  test('comes back as it was, in 32 characters that are safe in a URL and in a cookie', () => {
    fc.assert(
      fc.property(bookmarks, (bookmark) => {
        const text = formatBookmark(bookmark)
        expect(text).toMatch(/^[\w-]{32}$/)
        expect(parseBookmark(text)).toEqual(bookmark)
      }),
    )
  })

  test('anything else is none, and no error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string(), fc.string({ minLength: 32, maxLength: 32 })), (text) => {
        expect(parseBookmark(text)).toBeUndefined()
      }),
      { numRuns: 10_000 },
    )
  })

  test('with one character changed it is none', () => {
    const other = fc.constantFrom(...Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'))
    fc.assert(
      fc.property(bookmarks, fc.nat(31), other, (bookmark, i, character) => {
        const text = formatBookmark(bookmark)
        fc.pre(text[i] !== character)
        expect(parseBookmark(text.slice(0, i) + character + text.slice(i + 1))).toBeUndefined()
      }),
      { numRuns: 10_000 },
    )
  })

  test.each(['', 'unknown', 'A'.repeat(32), `${formatBookmark(at(1, 5n))}=`, ` ${formatBookmark(at(1, 5n))}`])(
    '%j is none',
    (text) => expect(parseBookmark(text)).toBeUndefined(),
  )
})

describe('a time instead of a position', () => {
  const times = fc.integer({ min: Date.UTC(2020), max: Date.UTC(2100) })

  test('comes back as it was, and is no bookmark to a build that knows none', () => {
    fc.assert(
      fc.property(times, (time) => {
        const text = formatTimeBookmark(time)
        expect(text).toMatch(/^t[0-9a-z]{8,9}$/)
        expect(parseTimeBookmark(text)).toBe(time)
        expect(parseTimeBookmark(`${text}~a-Nonce_1`)).toBe(time)
        expect(parseBookmark(text)).toBeUndefined()
      }),
    )
  })

  test('a part of a millisecond counts as a whole one', () => {
    expect(parseTimeBookmark(formatTimeBookmark(1_790_000_000_000.2))).toBe(1_790_000_000_001)
  })

  test.each<unknown>([
    '',
    't',
    't~',
    'unknown',
    'tabc',
    'T0000000',
    't00000000000',
    't0000000 ',
    formatBookmark(at(1, 5n)),
    7,
    null,
  ])('%j is none', (text) => expect(parseTimeBookmark(text)).toBeUndefined())
})

describe('what a server shows', () => {
  test.each([
    ['it is there', at(1, 100n), at(1, 100n), 'yes'],
    ['it is further', at(1, 101n), at(1, 100n), 'yes'],
    ['it is behind', at(1, 99n), at(1, 100n), 'no'],
    ['it is on a later timeline and there', at(2, 100n), at(1, 100n), 'yes'],
    ['it is on a later timeline and does not have it', at(2, 99n), at(1, 100n), 'no'],
    ['it is on an older timeline, wherever', at(1, 10_000n), at(2, 100n), 'older'],
    ['it is of another cluster', at(1, 100n, '8'), at(1, 100n), 'foreign'],
    ['its timeline is not known', { ...at(1, 100n), timeline: undefined }, at(1, 100n), 'unknown'],
    ['it has never said', undefined, at(1, 100n), 'unknown'],
  ] as const)('%s', (_, server, bookmark, showing) => {
    expect(shows(server, bookmark, NO_FORKS)).toBe(showing)
  })
})

describe('what a promotion may have lost', () => {
  const forks = {
    latestTimeline: () => 2,
    forkPositionOf: (timeline: number, later: number) => (timeline < 2 && later >= 2 ? 100n : undefined),
  }
  test.each([
    ['a position of before it is there', at(2, 500n), { ...at(1, 100n), certain: true }, 'yes'],
    ['one beyond it is lost, however far the new timeline is', at(2, 500n), { ...at(1, 101n), certain: true }, 'lost'],
    ['and on every timeline after that', at(3, 500n), { ...at(1, 101n), certain: true }, 'lost'],
    [
      'nor may a standby have it that has not said yet that it follows another timeline',
      { ...at(1, 500n), standby: true },
      { ...at(1, 101n), certain: true },
      'lost',
    ],
    [
      'though it has what all timelines have',
      { ...at(1, 500n), standby: true },
      { ...at(1, 100n), certain: true },
      'yes',
    ],
    ['and the former primary has it all', { ...at(1, 500n), standby: false }, { ...at(1, 101n), certain: true }, 'yes'],
    ['one of the new timeline is not', at(3, 500n), { ...at(2, 101n), certain: true }, 'yes'],
    [
      'where a standby has named the timeline, which it may learn late, it is not said',
      at(2, 500n),
      at(1, 101n),
      'yes',
    ],
  ] as const)('%s', (_, server, bookmark, showing) => {
    expect(shows(server, bookmark, forks)).toBe(showing)
  })

  test('what was known of a server is not taken for what another one of that name has', () => {
    const positions = createKnownPositions()
    positions.note('ord', { machine: 'ord', lsn: 90n, at: 1, standby: true, timeline: 1 })
    const epoch = positions.epochOf('ord')
    positions.forget('ord')
    expect([positions.of('ord'), positions.epochOf('ord') > epoch]).toEqual([undefined, true])
  })

  test('what one machine behind a name has told says nothing of the others', () => {
    const positions = createKnownPositions()
    positions.note('ord', { machine: 'a', lsn: 90n, at: 1, standby: true, timeline: 1, systemIdentifier: '7' })
    positions.note('ord', { machine: 'b', lsn: 40n, at: 2, standby: true })
    positions.note('ord', { machine: 'a', lsn: 80n, at: 0, standby: true })
    expect(positions.at('ord', 'a')).toMatchObject({ lsn: 90n, timeline: 1, systemIdentifier: '7' })
    expect(positions.at('ord', 'b')).toMatchObject({ lsn: 40n, timeline: undefined, systemIdentifier: undefined })
    expect(positions.of('ord')?.machine).toBe('b')
    positions.forgetMachine('ord', 'a')
    expect([positions.at('ord', 'a'), positions.latestTimeline()]).toEqual([undefined, 0])
  })

  test('is known from where the promoted server was last seen as a standby', () => {
    const positions = createKnownPositions()
    positions.note('ord', { machine: 'ord', lsn: 90n, at: 1, standby: true, timeline: 1 })
    positions.note('syd', { machine: 'syd', lsn: 95n, at: 1, standby: true, timeline: 1 })
    positions.note('ord', { machine: 'ord', lsn: 100n, at: 2, standby: true })
    expect(positions.forkPositionOf(1, 2)).toBeUndefined()
    positions.note('ord', { machine: 'ord', lsn: 130n, at: 3, standby: false, timeline: 2 })
    positions.note('syd', { machine: 'syd', lsn: 140n, at: 4, standby: true, timeline: 2 })
    expect([positions.forkPositionOf(1, 2), positions.forkPositionOf(1, 5), positions.forkPositionOf(2, 3)]).toEqual([
      100n,
      100n,
      undefined,
    ])
    positions.note('syd', { machine: 'syd', lsn: 150n, at: 5, standby: false, timeline: 3 })
    expect([positions.forkPositionOf(1, 3), positions.forkPositionOf(2, 3)]).toEqual([100n, 140n])
    expect(positions.latestTimeline()).toBe(3)
    positions.forget('syd')
    expect(positions.latestTimeline()).toBe(2)
  })
})

describe('the later one', () => {
  test.each([
    ['by position', at(1, 5n), at(1, 6n), at(1, 6n)],
    ['by timeline, whatever the position: the rest was lost', at(1, 900n), at(2, 6n), at(2, 6n)],
    ['of another cluster: the newer word', at(9, 900n, '8'), at(1, 5n), at(1, 5n)],
    ['of none and one', undefined, at(1, 5n), at(1, 5n)],
  ] as const)('%s', (_, a, b, later) => {
    expect(laterBookmark(a, b)).toEqual(later)
  })

  test('does not depend on the order, and is one of the two', () => {
    fc.assert(
      fc.property(ofOneCluster, ofOneCluster, ofOneCluster, (a, b, c) => {
        expect(laterBookmark(a, b)).toEqual(laterBookmark(b, a))
        expect(laterBookmark(laterBookmark(a, b), c)).toEqual(laterBookmark(a, laterBookmark(b, c)))
        expect([a, b]).toContainEqual(laterBookmark(a, b))
        expect(laterBookmark(a, a)).toEqual(a)
      }),
    )
  })

  test('whoever shows the later one shows both, unless a failover lost the other', () => {
    fc.assert(
      fc.property(ofOneCluster, ofOneCluster, ofOneCluster, (a, b, server) => {
        const later = laterBookmark(a, b)
        if (a.timeline === b.timeline && shows(server, later, NO_FORKS) === 'yes') {
          expect([shows(server, a, NO_FORKS), shows(server, b, NO_FORKS)]).toEqual(['yes', 'yes'])
        }
      }),
    )
  })
})
