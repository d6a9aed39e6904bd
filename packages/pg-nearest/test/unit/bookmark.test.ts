import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createKnownPositions } from '../../src/positions/known-positions.ts'
import {
  formatBookmark,
  formatTimeBookmark,
  parseBookmark,
  parseTimeBookmark,
} from '../../src/session/bookmark-text.ts'
import {
  certainBookmark,
  covers,
  laterBookmark,
  shows,
  type Bookmark,
  type Timelines,
} from '../../src/session/bookmark.ts'

const at = (timeline: number, lsn: bigint, systemIdentifier = '7'): Bookmark => ({ systemIdentifier, timeline, lsn })

const certain = (timeline: number, lsn: bigint): Bookmark => certainBookmark(at(timeline, lsn))

const bookmarks = fc.record({
  systemIdentifier: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map(String),
  timeline: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
  lsn: fc.bigInt({ min: 1n, max: 2n ** 64n - 2n }),
  // How far ahead of its end a standby had to vouch for it.
  ahead: fc.option(fc.oneof(fc.constant(0n), fc.bigInt({ min: 1n, max: 2n ** 48n - 1n })), { nil: undefined }),
})
const anyBookmark = bookmarks.map(({ systemIdentifier, timeline, lsn, ahead }) =>
  certainUpTo({ systemIdentifier, timeline, lsn }, ahead === undefined || ahead >= lsn ? ahead && lsn : lsn - ahead),
)
const ofOneCluster = fc
  .record({
    timeline: fc.integer({ min: 1, max: 2 }),
    lsn: fc.bigInt({ min: 1n, max: 6n }),
    upTo: fc.option(fc.bigInt({ min: 1n, max: 6n }), { nil: undefined }),
  })
  .map(({ timeline, lsn, upTo }) => certainUpTo(at(timeline, lsn), upTo === undefined || upTo <= lsn ? upTo : lsn))

function certainUpTo({ systemIdentifier, timeline, lsn }: Bookmark, certainLsn: bigint | undefined): Bookmark {
  return certainLsn === undefined
    ? { systemIdentifier, timeline, lsn }
    : { systemIdentifier, timeline, lsn, certainLsn }
}

const NO_FORKS = { timelinesOf: () => undefined }

describe('as a text', () => {
  test('comes back as it was, in 32 or 40 characters that are safe in a URL and in a cookie', () => {
    fc.assert(
      fc.property(anyBookmark, (bookmark) => {
        const text = formatBookmark(bookmark)
        expect(text).toMatch(/^[\w-]{32}(?:[\w-]{8})?$/)
        expect(parseBookmark(text)).toEqual(bookmark)
      }),
    )
  })

  test('anything else is none, and no error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.string(), fc.string({ minLength: 32, maxLength: 40 })), (text) => {
        expect(parseBookmark(text)).toBeUndefined()
      }),
      { numRuns: 10_000 },
    )
  })

  test('with one character changed it is none', () => {
    const other = fc.constantFrom(...Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'))
    fc.assert(
      fc.property(anyBookmark, fc.nat(31), other, (bookmark, i, character) => {
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

/** What a pool is told, one answer after the other. */
function cluster() {
  const positions = createKnownPositions()
  let now = 1
  const tell = (
    server: string,
    machine: string,
    lsn: bigint,
    timeline?: number,
    role: 'primary' | 'standby' = 'standby',
    systemIdentifier = '7',
  ): void =>
    positions.note(server, { machine, lsn, timeline, systemIdentifier, standby: role === 'standby', at: now++ })
  const timelines: Timelines = {
    latest: () => positions.timelinesOf('7')?.latest() ?? 0,
    forkPositionOf: (timeline, later) => positions.timelinesOf('7')?.forkPositionOf(timeline, later),
    isSettled: (timeline) => positions.timelinesOf('7')?.isSettled(timeline) ?? false,
  }
  const showing = (server: string, bookmark: Bookmark) => shows(positions.of(server), bookmark, positions)
  const wait = (ms: number): void => void (now += ms)
  return { positions, tell, timelines, showing, wait }
}

describe('what a promotion may have lost', () => {
  const second = {
    latest: () => 2,
    forkPositionOf: (timeline: number, later: number) => (timeline < 2 && later >= 2 ? 100n : undefined),
    isSettled: () => true,
  }
  const forks = { timelinesOf: (systemIdentifier: string) => (systemIdentifier === '7' ? second : undefined) }
  test.each([
    ['a position of before it is there', at(2, 500n), certain(1, 100n), 'yes'],
    ['one beyond it is lost, however far the new timeline is', at(2, 500n), certain(1, 101n), 'lost'],
    ['and on every timeline after that', at(3, 500n), certain(1, 101n), 'lost'],
    [
      'nor may a standby have it that has not said yet that it follows another timeline',
      { ...at(1, 500n), standby: true },
      certain(1, 101n),
      'lost',
    ],
    ['though it has what all timelines have', { ...at(1, 500n), standby: true }, certain(1, 100n), 'yes'],
    ['and the former primary has it all', { ...at(1, 500n), standby: false }, certain(1, 101n), 'yes'],
    ['one of the new timeline is not', at(3, 500n), certain(2, 101n), 'yes'],
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
    expect([positions.at('ord', 'a'), positions.timelinesOf('7')?.latest()]).toEqual([undefined, 0])
  })

  test('is known from where the promoted server was last seen as a standby', () => {
    const { tell, timelines, positions } = cluster()
    tell('ord', '1 10.0.0.1 5432', 90n, 1)
    tell('syd', '1 10.0.0.2 5432', 95n, 1)
    tell('ord', '1 10.0.0.1 5432', 100n)
    expect(timelines.forkPositionOf(1, 2)).toBeUndefined()
    tell('ord', '1 10.0.0.1 5432', 130n, 2, 'primary')
    tell('syd', '1 10.0.0.2 5432', 140n, 2)
    const between = [timelines.forkPositionOf(1, 2), timelines.forkPositionOf(1, 5), timelines.forkPositionOf(2, 3)]
    expect(between).toEqual([100n, 100n, undefined])
    tell('syd', '1 10.0.0.2 5432', 150n, 3, 'primary')
    expect([timelines.forkPositionOf(1, 3), timelines.forkPositionOf(2, 3)]).toEqual([100n, 140n])
    expect(timelines.latest()).toBe(3)
    positions.forget('syd')
    expect(timelines.latest()).toBe(2)
  })

  test('is found out from the new primary, and not taken for nothing before that has told', () => {
    const { tell, showing } = cluster()
    tell('ord', '1 10.0.0.1 5432', 500n, 1, 'primary')
    tell('atl', '1 10.0.0.2 5432', 90n, 1)
    tell('nrt', '1 10.0.0.3 5432', 500n, 1)
    const written = certain(1, 200n)
    expect([showing('nrt', written), showing('ord', written)]).toEqual(['yes', 'yes'])
    tell('nrt', '1 10.0.0.3 5432', 510n, 2)
    expect(showing('nrt', written)).toBe('lost')
    tell('atl', '1 10.0.0.2 5432', 510n, 2, 'primary')
    expect([showing('nrt', written), showing('atl', written)]).toEqual(['lost', 'lost'])
    expect(showing('nrt', certain(1, 90n))).toBe('yes')
  })

  test('nor is the new primary waited for where it is never heard', () => {
    const { tell, showing, wait } = cluster()
    tell('nrt', '1 10.0.0.3 5432', 500n, 1)
    tell('nrt', '1 10.0.0.3 5432', 510n, 2)
    expect(showing('nrt', certain(1, 200n))).toBe('lost')
    wait(10_000)
    tell('nrt', '1 10.0.0.3 5432', 520n, 2)
    expect(showing('nrt', certain(1, 200n))).toBe('yes')
  })

  test('no later timeline of another cluster says anything about this one', () => {
    const { tell, showing } = cluster()
    tell('nrt', '1 10.0.0.3 5432', 500n, 1)
    tell('odd', '1 10.0.0.4 5432', 10n, 1, 'standby', '8')
    tell('odd', '1 10.0.0.4 5432', 20n, 2, 'primary', '8')
    tell('odder', '1 10.0.0.5 5432', 20n, 3, 'standby', '8')
    expect(showing('nrt', certain(1, 200n))).toBe('yes')
  })
})

describe('a primary that has become a standby', () => {
  const written = certain(1, 200n)
  const demoted = () => {
    const all = cluster()
    all.tell('ord', '10.5 10.0.0.1 5432', 500n, 1, 'primary')
    all.tell('nrt', '1 10.0.0.3 5432', 500n, 1)
    all.tell('ord', '20.5 10.0.0.1 5432', 510n, 1)
    return all
  }

  test('may follow a timeline of which nobody has told: nobody shows what was written on its own', () => {
    const { showing } = demoted()
    expect([showing('ord', written), showing('nrt', written)]).toEqual(['lost', 'lost'])
  })

  test('until it leads it again', () => {
    const { tell, showing } = demoted()
    tell('ord', '30.5 10.0.0.1 5432', 510n, 1, 'primary')
    expect([showing('ord', written), showing('nrt', written)]).toEqual(['yes', 'yes'])
  })

  test('or the one that has replaced it tells of what it has kept', () => {
    const { tell, showing } = demoted()
    tell('atl', '2 10.0.0.2 5432', 300n, 1)
    tell('atl', '2 10.0.0.2 5432', 510n, 2, 'primary')
    expect([showing('ord', written), showing('nrt', written)]).toEqual(['yes', 'yes'])
    expect(showing('ord', certain(1, 301n))).toBe('lost')
  })

  test('or nobody is heard to lead for long', () => {
    const { tell, showing, wait } = demoted()
    wait(10_000)
    tell('nrt', '1 10.0.0.3 5432', 510n)
    expect([showing('ord', written), showing('nrt', written)]).toEqual(['yes', 'yes'])
  })

  test.each([
    ['its address was given to another one', '10.5 10.0.0.9 5432'],
    ['the address led to it for a while', '5.5 10.0.0.9 5432'],
  ])('is none if it goes on elsewhere: %s', (_, elsewhere) => {
    const { tell, showing } = demoted()
    tell('writer', elsewhere, 520n, 1, 'primary')
    expect([showing('ord', written), showing('nrt', written)]).toEqual(['yes', 'yes'])
    tell('ord', '20.5 10.0.0.1 5432', 530n, 1)
    expect(showing('nrt', written)).toBe('yes')
  })

  test('is none because of a late answer of the time when it was a standby', () => {
    const { tell, showing } = cluster()
    tell('nrt', '1 10.0.0.3 5432', 500n, 1)
    tell('ord', '10.5 10.0.0.1 5432', 500n, 1, 'primary')
    tell('other', '10.5 10.0.0.1 5432', 490n, 1)
    expect(showing('nrt', written)).toBe('yes')
  })

  test('is known by another name, too', () => {
    const { tell, showing } = cluster()
    tell('writer', '10.5 10.0.0.1 5432', 500n, 1, 'primary')
    tell('reader', '20.5 10.0.0.1 5432', 510n, 1)
    expect(showing('reader', written)).toBe('lost')
  })

  test.each([
    ['was asked before', '20.5 10.0.0.1 5432', 0],
    ['tells no address', '20.5', 9],
    ['tells another port', '20.5 10.0.0.1 5433', 9],
    ['tells another address', '20.5 10.0.0.9 5432', 9],
    // Two hosts whose containers have the same address inside.
    ['has started earlier', '5.5 10.0.0.1 5432', 9],
  ])('is none if it %s', (_, machine, when) => {
    const { tell, showing, positions } = cluster()
    tell('nrt', '1 10.0.0.3 5432', 500n, 1)
    tell('ord', '10.5 10.0.0.1 5432', 500n, 1, 'primary')
    positions.note('other', { machine, lsn: 510n, standby: true, timeline: 1, systemIdentifier: '7', at: when })
    expect(showing('nrt', written)).toBe('yes')
  })

  test('is none if both go on answering', () => {
    const { tell, showing } = demoted()
    tell('writer', '10.5 10.0.0.1 5432', 510n, 1, 'primary')
    expect(showing('nrt', written)).toBe('yes')
    tell('ord', '20.5 10.0.0.1 5432', 520n, 1)
    tell('ord', '40.5 10.0.0.1 5432', 520n, 1)
    expect([showing('ord', written), showing('nrt', written)]).toEqual(['yes', 'yes'])
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

  test('keeps what is certain of either, whichever is further', () => {
    expect(laterBookmark(certain(1, 5n), at(1, 6n))).toEqual({ ...at(1, 6n), certainLsn: 5n })
    expect(laterBookmark(at(1, 6n), certain(1, 5n))).toEqual({ ...at(1, 6n), certainLsn: 5n })
    expect(laterBookmark(at(1, 5n), certain(1, 5n))).toEqual(certain(1, 5n))
    expect(laterBookmark(certain(1, 5n), at(2, 1n))).toEqual(at(2, 1n))
  })

  test('does not depend on the order, and covers both', () => {
    fc.assert(
      fc.property(ofOneCluster, ofOneCluster, ofOneCluster, (a, b, c) => {
        expect(laterBookmark(a, b)).toEqual(laterBookmark(b, a))
        expect(laterBookmark(laterBookmark(a, b), c)).toEqual(laterBookmark(a, laterBookmark(b, c)))
        const later = laterBookmark(a, b)
        expect([covers(later, a), covers(later, b)]).toEqual([true, true])
        const [lsn, certainLsn] = [later.lsn, later.certainLsn ?? 0n]
        expect(certainLsn <= lsn && [a, b].some((each) => each.lsn === lsn)).toBe(true)
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
