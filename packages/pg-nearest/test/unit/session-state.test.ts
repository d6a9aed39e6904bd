import { describe, expect, test } from 'vitest'
import { certainBookmark, type Bookmark } from '../../src/session/bookmark.ts'
import { SessionState } from '../../src/session/session-state.ts'

const at = (timeline: number, lsn: bigint): Bookmark => ({ systemIdentifier: '7', timeline, lsn })

const certain = (timeline: number, lsn: bigint): Bookmark => certainBookmark(at(timeline, lsn))

const NO_FORKS = { timelinesOf: () => undefined }

describe('a session', () => {
  test('begins with nothing, with a bookmark, or with a history that nobody can read', () => {
    expect([new SessionState().bookmark, new SessionState().blind]).toEqual([undefined, false])
    expect(new SessionState(at(1, 5n)).bookmark).toEqual(at(1, 5n))
    expect(new SessionState('unknown').blind).toBe(true)
  })

  test('begins with a timeline, of which a primary of an older one says nothing', () => {
    const session = new SessionState(at(2, 0n))
    const told = (): unknown[] => [session.blind, session.unreadable, session.timeline]
    session.arrivedAtPrimary(certain(1, 900n), 5, at(2, 0n), NO_FORKS)
    expect(told()).toEqual([true, true, at(2, 0n)])
    session.awaitTimeline(at(3, 0n), 6, 6)
    expect(told()).toEqual([true, false, at(3, 0n)])
    expect(session.arrivedAtPrimary(certain(3, 950n), 7, at(2, 0n), NO_FORKS)).toBeUndefined()
    expect(told()).toEqual([false, false, certain(3, 950n)])
    expect([session.bookmark, session.claim]).toEqual([certain(3, 950n), undefined])
  })

  test.each([
    ['a position', at(2, 5n), false],
    ['a timeline', at(2, 0n), true],
  ])('still has to show %s that is vouched for when what it began with is refuted', (_, vouched, isBlind) => {
    for (const start of [at(9, 0n), 'unknown'] as const) {
      const session = new SessionState(start, { trusted: false, vouched })
      if (session.claim !== undefined) session.replace(session.claim, certain(1, 900n), 5)
      session.settleUnreadable(certain(1, 900n), 5)
      expect([session.bookmark, session.claim, session.blind]).toEqual([vouched, undefined, isBlind])
      session.replace(vouched, certain(1, 900n), 6)
      expect(session.bookmark).toEqual(certain(1, 900n))
    }
  })

  test('goes forward only', () => {
    const session = new SessionState(at(1, 5n))
    session.show(at(1, 3n), 0)
    expect(session.bookmark).toEqual(at(1, 5n))
    session.show(at(1, 9n), 0)
    expect(session.bookmark).toEqual(at(1, 9n))
  })

  test('sees again after a statement on the primary that began later than it lost sight', () => {
    const session = new SessionState()
    session.markUnknown(100)
    session.arrivedAtPrimary(at(1, 5n), 99, undefined, NO_FORKS)
    expect(session.blind).toBe(true)
    session.arrivedAtPrimary(at(1, 6n), 100, undefined, NO_FORKS)
    expect([session.blind, session.bookmark]).toEqual([false, at(1, 6n)])
  })

  test('does not see while something that began shows it what has no position yet, and sees when that has ended', () => {
    const session = new SessionState(at(1, 5n))
    const first = session.beginShowing()
    const second = session.beginShowing()
    first()
    first()
    expect(session.blind).toBe(true)
    session.arrivedAtPrimary(at(1, 6n), 100, undefined, NO_FORKS)
    expect(session.blind).toBe(true)
    second()
    expect([session.blind, session.wrote, session.bookmark]).toEqual([false, false, at(1, 6n)])
  })

  describe('what the primary does not have is lost', () => {
    test.each([
      ['after a failover', at(1, 900n), at(2, 500n)],
      ['from the future, or after a restore', at(1, 900n), at(1, 500n)],
    ])('%s: it goes on from there, and asks the primary once more', (_, required, position) => {
      const session = new SessionState(required)
      expect(session.arrivedAtPrimary(position, 10, required, NO_FORKS)).toEqual({ lost: required, now: position })
      expect(session.bookmark).toEqual(position)
      expect(session.arrivedAtPrimary(position, 20, session.bookmark, NO_FORKS)).toBeUndefined()
      expect(session.blind).toBe(false)
    })

    test('a copy of it is lost as well', () => {
      const session = new SessionState(at(1, 900n))
      session.show(at(1, 900n), 0)
      session.arrivedAtPrimary(at(1, 500n), 10, at(1, 900n), NO_FORKS)
      expect(session.bookmark).toEqual(at(1, 500n))
    })

    test('but not what was written meanwhile on a later timeline', () => {
      const session = new SessionState(at(1, 900n))
      session.show(at(2, 950n), 0)
      session.arrivedAtPrimary(at(2, 500n), 10, at(1, 900n), NO_FORKS)
      expect(session.bookmark).toEqual(at(2, 950n))
    })
  })

  test('a primary that was replaced and does not know it loses nothing', () => {
    const session = new SessionState(at(2, 100n))
    expect(session.arrivedAtPrimary(at(1, 900n), 10, at(2, 100n), NO_FORKS)).toBeUndefined()
    expect(session.bookmark).toEqual(at(2, 100n))
  })

  test('nor does it settle what the session began with; any other primary does', () => {
    const later = at(2, 100n)
    const session = new SessionState(later)
    session.arrivedAtPrimary(at(1, 900n), 10, later, NO_FORKS)
    expect(session.claim).toBe(later)
    session.arrivedAtPrimary(at(2, 90n), 20, later, NO_FORKS)
    expect(session.claim).toBeUndefined()
  })

  test('since when its timeline has been in the list is known of what its own servers have told', () => {
    const [claim, told, heard] = [at(2, 100n), at(3, 100n), at(4, 100n)]
    const session = new SessionState(claim, { beganAt: 5 })
    expect(session.listedSince(claim)).toBe(5)
    session.show(told, 10)
    session.show(at(3, 50n), 20)
    expect([session.listedSince(told), session.listedSince(heard)]).toEqual([10, undefined])
    session.show(heard, undefined)
    expect(session.listedSince(heard)).toBeUndefined()
    session.show(at(4, 50n), 30)
    expect(session.listedSince(heard)).toBe(30)
  })

  test.each([
    ['only heard of', undefined, true],
    ['of its own list', 10, false],
  ])('a timeline that nobody is on any more is forgotten if it was %s', (_, listedAt, forgotten) => {
    const session = new SessionState()
    session.show(at(2, 100n), listedAt)
    session.forgetTimeline(at(1, 900n), 15)
    expect([session.bookmark, session.blind]).toEqual([at(2, 100n), false])
    session.forgetTimeline(at(2, 50n), 20)
    expect([session.bookmark === undefined, session.blind]).toEqual([forgotten, forgotten])
  })

  test('nor is it awaited then', () => {
    const session = new SessionState()
    session.showOfAnother(at(2, 100n), at(1, 900n), 10)
    expect([session.awaited, session.blind]).toEqual([at(2, 0n), true])
    session.forgetTimeline(at(1, 900n), 15)
    expect(session.awaited).toEqual(at(2, 0n))
    session.forgetTimeline(at(2, 50n), 20)
    expect(session.awaited).toBeUndefined()
  })

  test('a claim that is replaced is no longer required by what began before', () => {
    const later = at(2, 100n)
    const session = new SessionState(later)
    expect(session.hasReplaced(later)).toBe(false)
    session.replace(later, at(1, 900n), 0)
    expect([session.hasReplaced(later), session.bookmark]).toEqual([true, at(1, 900n)])
  })

  test('a lost position is told once, however many waited for it, and the next one again', () => {
    const session = new SessionState(at(1, 900n))
    const required = at(1, 900n)
    expect(session.arrivedAtPrimary(at(1, 500n), 10, required, NO_FORKS)).toBeDefined()
    expect(session.arrivedAtPrimary(at(1, 510n), 10, required, NO_FORKS)).toBeUndefined()
    expect(session.arrivedAtPrimary(at(1, 520n), 10, at(1, 890n), NO_FORKS)).toBeUndefined()
    expect(session.arrivedAtPrimary(at(2, 500n), 20, at(2, 950n), NO_FORKS)).toBeDefined()
  })

  test('so is one of another cluster', () => {
    const session = new SessionState(at(1, 900n))
    expect(session.arrivedAtPrimary(at(1, 500n), 10, at(1, 900n), NO_FORKS)).toBeDefined()
    const elsewhere = (lsn: bigint): Bookmark => ({ ...at(1, lsn), systemIdentifier: '8' })
    session.arrivedAtPrimary(elsewhere(100n), 20, undefined, NO_FORKS)
    expect(session.arrivedAtPrimary(elsewhere(50n), 30, session.bookmark, NO_FORKS)).toBeDefined()
  })

  test('a claim stays one when a part of it becomes certain', () => {
    const session = new SessionState(at(1, 9_000n), { trusted: false })
    const [claim, position] = [session.claim ?? at(1, 1n), certain(1, 800n)]
    session.showOfAnother(position, session.bookmark, 0)
    expect(session.bookmark).toEqual({ ...at(1, 9_000n), certainLsn: 800n })
    expect(session.isClaim(session.bookmark ?? at(1, 1n))).toBe(true)
    session.replace(claim, position, 1)
    expect([session.bookmark, session.claim]).toEqual([position, undefined])
  })

  describe('a home', () => {
    const seen = (lsn: bigint, when: number, epoch = 0, timeline = 1) => ({
      ...NO_FORKS,
      at: () => ({ ...at(1, lsn), at: when, standby: true }),
      of: () => ({ ...at(timeline, lsn + 100n), at: when, standby: false }),
      epochOf: () => epoch,
      asPrimary: () => undefined,
      beforeLoss: () => ({ ...at(1, lsn), at: 40, standby: true }),
    })

    test('is settled by where it was seen later', () => {
      const session = new SessionState()
      session.useHome('ord', 'a', 0, 50)
      session.settleHome(seen(7n, 49), 60, 'nrt')
      expect([session.home?.server, session.bookmark]).toEqual(['ord', undefined])
      session.settleHome(seen(8n, 50), 60, 'nrt')
      expect([session.home, session.bookmark]).toEqual([undefined, at(1, 8n)])
    })

    test('but not once it may have restarted: by its primary then, which has all that it has shown', () => {
      const session = new SessionState()
      session.useHome('ord', 'a', 0, 50)
      session.settleHome(seen(7n, 55, 1), 60, undefined)
      session.settleHome(seen(7n, 49, 1), 60, 'nrt')
      expect([session.home?.server, session.bookmark]).toEqual(['ord', undefined])
      session.settleHome(seen(7n, 55, 1), 60, 'nrt')
      expect([session.home, session.bookmark?.lsn]).toEqual([undefined, 107n])
    })

    test('nor by a primary behind a promotion: what that has lost is to be told', () => {
      const session = new SessionState()
      session.useHome('ord', 'a', 0, 50)
      session.settleHome(seen(7n, 55, 1, 2), 60, 'nrt')
      expect([session.home?.server, session.bookmark]).toEqual(['ord', undefined])
    })

    test.each([
      { isProven: true, blind: false },
      { isProven: false, blind: true },
    ])('that may have restarted, and is read again (proven: $isProven)', ({ isProven, blind }) => {
      const session = new SessionState()
      session.useHome('ord', 'a', 0, 50)
      session.useHome('ord', 'a', 1, 60, isProven)
      expect([session.home?.epoch, session.blind]).toEqual([1, blind])
    })

    test('and by the primary’s later answer', () => {
      const session = new SessionState()
      session.useHome('ord', 'a', 0, 50)
      session.arrivedAtPrimary(at(1, 5n), 49, undefined, NO_FORKS)
      expect(session.home?.server).toBe('ord')
      session.arrivedAtPrimary(at(1, 6n), 50, undefined, NO_FORKS)
      expect(session.home).toBeUndefined()
    })

    test('two machines of one name are two', () => {
      const session = new SessionState()
      session.useHome('ord', 'a', 0, 50)
      session.useHome('ord', 'b', 0, 60)
      expect([session.blind, session.home?.machine]).toEqual([true, 'b'])
    })

    test('two of them at once: what was seen at the first is not known', () => {
      const session = new SessionState()
      session.useHome('ord', 'a', 0, 50)
      session.useHome('syd', 'b', 0, 60)
      expect(session.blind).toBe(true)
    })
  })
})

describe('behind a promotion', () => {
  const timelines = { latest: () => 2, forkPositionOf: () => 220n, isSettled: () => true }
  const forks = { timelinesOf: () => timelines }
  const lost = certain(1, 250n)

  test('what another statement has written meanwhile is judged by the primary that answers, too', () => {
    const session = new SessionState(certain(1, 200n))
    const required = session.bookmark
    session.show(lost, 1)
    expect(session.arrivedAtPrimary(certain(2, 260n), 10, required, forks)).toEqual({ lost, now: certain(2, 260n) })
    expect([session.bookmark, session.blind]).toEqual([certain(2, 260n), true])
  })

  test('unless a client brought it that nobody vouches for', () => {
    const session = new SessionState(lost, { trusted: false })
    expect(session.arrivedAtPrimary(certain(2, 260n), 10, undefined, forks)).toBeUndefined()
  })

  test('a read near by takes away nothing of what is certain', () => {
    const session = new SessionState()
    session.show(lost, 1)
    session.showOfStandby(at(1, 250n), 2, 3, forks)
    session.showOfStandby(at(1, 255n), 4, 5, forks)
    expect(session.bookmark).toEqual({ ...at(1, 255n), certainLsn: 250n })
    const now = certain(2, 300n)
    expect(session.arrivedAtPrimary(now, 10, session.bookmark, forks)?.lost.certainLsn).toBe(250n)
  })

  test.each([
    ['one that has run a statement', (session: SessionState) => session.showOfStandby(at(2, 240n), 10, 11, forks)],
    [
      'its home',
      (session: SessionState) => {
        session.useHome('ord', 'a', 0, 5)
        const seen = { ...at(2, 240n), at: 10, standby: true }
        const none = () => undefined
        const positions = { ...forks, of: none, at: () => seen, epochOf: () => 0, asPrimary: none, beforeLoss: none }
        session.settleHome(positions, 11, undefined)
      },
    ],
  ])('the position of a standby takes the place of nothing that may be lost: %s', (_, tell) => {
    const session = new SessionState(lost)
    tell(session)
    expect([session.bookmark, session.blind, session.awaited]).toEqual([lost, true, at(2, 0n)])
    expect(session.arrivedAtPrimary(certain(2, 260n), 12, session.bookmark, forks)).toMatchObject({ lost })
  })

  test('but of what is surely kept', () => {
    const session = new SessionState(certain(1, 210n))
    session.showOfStandby(at(2, 240n), 10, 11, forks)
    expect([session.bookmark, session.blind]).toEqual([at(2, 240n), false])
  })

  test('a primary of an older timeline settles nothing', () => {
    const session = new SessionState(certain(2, 100n), { beganAt: 0 })
    session.markUnknown(5)
    session.useHome('ord', 'a', 0, 6)
    expect(session.arrivedAtPrimary(certain(1, 900n), 10, session.bookmark, forks)).toBeUndefined()
    expect([session.blind, session.home?.server]).toEqual([true, 'ord'])
  })
})
