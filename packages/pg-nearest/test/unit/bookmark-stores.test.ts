import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ResilientStore } from '../../src/bookmark-store/resilient-store.ts'
import { bookmarkTable, bookmarkTableSql } from '../../src/bookmark-table/index.ts'
import { createPool, type StoreEvent } from '../../src/index.ts'
import { redisStore, type RedisClient } from '../../src/redis/index.ts'
import { laterBookmark, type Bookmark } from '../../src/session/bookmark.ts'
import {
  formatBookmark,
  formatTimeBookmark,
  formatUnknownFrom,
  parseBookmark,
  parseUnknownFrom,
} from '../../src/session/bookmark-text.ts'
import { isUnknownBookmark, mergeBookmarks } from '../../src/session/merge-bookmarks.ts'
import {
  bookmarkBeside,
  bookmarkInOrder,
  doubtOf,
  orderedBookmark,
  UNLIKE,
} from '../../src/bookmark-store/ordered-bookmark.ts'

const anyBookmark: fc.Arbitrary<Bookmark> = fc
  .record({
    systemIdentifier: fc.constantFrom('7', '7584219461823984721'),
    timeline: fc.integer({ min: 1, max: 40 }),
    lsn: fc.bigInt({ min: 1n, max: 2n ** 64n - 2n }),
    certain: fc.option(fc.bigInt({ min: 1n, max: 2n ** 40n }), { nil: undefined }),
  })
  .map(({ systemIdentifier, timeline, lsn, certain }) =>
    certain === undefined
      ? { systemIdentifier, timeline, lsn }
      : { systemIdentifier, timeline, lsn, certainLsn: lsn > certain ? lsn - certain + 1n : lsn },
  )

describe('bookmarks of several sessions', () => {
  test('of one cluster are the latest of them, in whichever order they come', () => {
    fc.assert(
      fc.property(fc.array(anyBookmark, { minLength: 1, maxLength: 5 }), (all) => {
        const own = all.map((each) => ({ ...each, systemIdentifier: '7' }))
        const latest = own.reduce((a: Bookmark, b) => laterBookmark(a, b))
        const merged = parseBookmark(mergeBookmarks(own.map(formatBookmark)))
        expect([merged?.timeline, merged?.lsn]).toEqual([latest.timeline, latest.lsn])
        const backwards = parseBookmark(mergeBookmarks(own.toReversed().map(formatBookmark)))
        expect([backwards?.timeline, backwards?.lsn]).toEqual([latest.timeline, latest.lsn])
      }),
    )
  })

  test('of which one is not known are not known either, from the latest of their timelines on, in whichever order and groups they come', () => {
    const texts = anyBookmark.map((each) => ({ ...each, systemIdentifier: '7' }))
    const any = fc.oneof(texts.map(formatBookmark), texts.map(formatUnknownFrom), fc.constantFrom('unknown', 'garbage'))
    const timelineOf = (text: string): number => (parseBookmark(text) ?? parseUnknownFrom(text))?.timeline ?? 0
    fc.assert(
      fc.property(fc.array(any, { minLength: 2, maxLength: 5 }), (all) => {
        fc.pre(new Set(all).size > 1 && all.some(isUnknownBookmark))
        for (const merged of [
          mergeBookmarks(all),
          mergeBookmarks(all.toReversed()),
          all.reduce<string | undefined>((one, other) => mergeBookmarks([one, other]), undefined),
        ]) {
          expect(isUnknownBookmark(merged)).toBe(true)
          expect(timelineOf(merged ?? '')).toBe(Math.max(...all.map(timelineOf)))
        }
      }),
    )
  })

  const a = formatBookmark({ systemIdentifier: '7', timeline: 1, lsn: 5n })
  const from = (timeline: number, systemIdentifier = '7'): string => formatUnknownFrom({ systemIdentifier, timeline })
  const b = formatBookmark({ systemIdentifier: '8', timeline: 1, lsn: 5n })
  test.each<[texts: (string | undefined)[], merged: string | undefined]>([
    [[], undefined],
    [[undefined, undefined], undefined],
    [[a, undefined], a],
    [[a, a], a],
    [['unknown'], 'unknown'],
    [[a, 'unknown'], from(1)],
    [[a, 'garbage'], from(1)],
    [[a, from(2)], from(2)],
    [[from(2), 'unknown', undefined], from(2)],
    [[from(2), from(3)], from(3)],
    [[from(2), formatTimeBookmark(1_790_000_000_000)], from(2)],
    [[from(2), b], 'unknown'],
    [[from(2), from(2, '8')], 'unknown'],
    [[a, b], 'unknown'],
    [
      [formatTimeBookmark(1_790_000_000_000), formatTimeBookmark(1_790_000_000_001)],
      formatTimeBookmark(1_790_000_000_001),
    ],
    [[a, formatTimeBookmark(1_790_000_000_000)], 'unknown'],
  ])('%#: what cannot be compared is not known', (texts, merged) => {
    expect(mergeBookmarks(texts)).toBe(merged)
  })
})

describe('a bookmark as a store compares it', () => {
  const sign = (value: number): number => Math.sign(value)
  const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

  test('is in the order of positions, within its cluster', () => {
    fc.assert(
      fc.property(anyBookmark, anyBookmark, (a, b) => {
        const [x, y] = [orderedBookmark(formatBookmark(a)), orderedBookmark(formatBookmark(b))]
        expect(x?.group === y?.group).toBe(a.systemIdentifier === b.systemIdentifier)
        if (a.systemIdentifier !== b.systemIdentifier) return
        const byPosition = a.timeline - b.timeline || Number(a.lsn > b.lsn) - Number(a.lsn < b.lsn)
        if (byPosition !== 0) expect(sign(bytes(x?.text ?? '', y?.text ?? ''))).toBe(sign(byPosition))
      }),
    )
  })

  test('is the same when it is read', () => {
    fc.assert(
      fc.property(anyBookmark.map(formatBookmark), (text) => {
        expect(bookmarkInOrder(orderedBookmark(text)?.text ?? '')).toBe(text)
      }),
    )
    const time = formatTimeBookmark(1_790_000_000_123)
    expect(bookmarkInOrder(orderedBookmark(time)?.text ?? '')).toBe(time)
  })

  test('is none when it is something else', () => {
    fc.assert(fc.property(fc.string(), (text) => bookmarkInOrder(text) === undefined))
    const wrong = [
      'p:0:00000001:0000000000000005:0',
      `p:${'9'.repeat(20)}:00000001:0000000000000005:0`,
      'p:7:00000000:0000000000000005:1',
      't:7',
    ]
    expect(wrong.filter((text) => bookmarkInOrder(text) !== undefined)).toEqual([])
    expect(orderedBookmark('unknown')).toBeUndefined()
  })

  test('of which nothing but the timeline is known is in the order of timelines, and the same when it is read', () => {
    fc.assert(
      fc.property(anyBookmark, anyBookmark, (a, b) => {
        const [x, y] = [a, b].map((each) => formatUnknownFrom({ ...each, systemIdentifier: '7' })) as [string, string]
        expect(orderedBookmark(x)).toBeUndefined()
        expect(bookmarkBeside(doubtOf(x), undefined)).toBe(x)
        expect(sign(bytes(doubtOf(x), doubtOf(y)))).toBe(sign(a.timeline - b.timeline))
        expect(bytes(doubtOf('unknown'), doubtOf(x))).toBe(-1)
        expect(bytes(doubtOf(x), UNLIKE)).toBe(-1)
      }),
    )
  })

  const FROM_1 = formatUnknownFrom({ systemIdentifier: '7', timeline: 1 })
  test.each([
    ['unknown', FROM_1],
    // An earlier build's.
    ['1', FROM_1],
    [UNLIKE, 'unknown'],
    ['unknown:7:00000002', formatUnknownFrom({ systemIdentifier: '7', timeline: 2 })],
    ['unknown:8:00000002', 'unknown'],
    ['unknown:7:00000000', FROM_1],
    [`unknown:${'9'.repeat(20)}:00000002`, FROM_1],
  ])('beside a doubt %j it is not known', (doubt, told) => {
    const kept = formatBookmark({ systemIdentifier: '7', timeline: 1, lsn: 5n })
    expect(bookmarkBeside(doubt, orderedBookmark(kept)?.text)).toBe(told)
  })
})

describe('a store that is asked', () => {
  const ask = (get: () => Promise<unknown>): { client: ResilientStore; events: StoreEvent[] } => {
    const events: StoreEvent[] = []
    const store = { get: get as () => Promise<string>, put: () => Promise.resolve() }
    return { client: new ResilientStore({ store, timeoutMs: 50, tell: (event) => void events.push(event) }), events }
  }

  test.each<[what: string, get: () => Promise<unknown>, code: StoreEvent['code']]>([
    ['rejects', () => Promise.reject(new Error('no')), 'NEAREST_STORE_FAILED'],
    [
      'throws',
      () => {
        throw new Error('at once')
      },
      'NEAREST_STORE_FAILED',
    ],
    ['never answers', () => new Promise(() => undefined), 'NEAREST_STORE_SILENT'],
    ['answers a number', () => Promise.resolve(7), 'NEAREST_STORE_GARBAGE'],
    ['answers an object', () => Promise.resolve({}), 'NEAREST_STORE_GARBAGE'],
    ['answers an empty text', () => Promise.resolve(''), 'NEAREST_STORE_GARBAGE'],
    ['answers a megabyte', () => Promise.resolve('x'.repeat(1_000_000)), 'NEAREST_STORE_GARBAGE'],
  ])('and %s makes the session blind, and is told once', async (_, get, code) => {
    const { client, events } = ask(get)
    expect([await client.get('key'), await client.get('key')]).toEqual(['unknown', 'unknown'])
    expect(events.map((event) => event.code)).toEqual([code])
  })

  test('and has nothing, or does not know, is no problem', async () => {
    for (const answer of [undefined, null, 'unknown']) {
      const { client, events } = ask(() => Promise.resolve(answer))
      expect(await client.get('key')).toBe(answer ?? undefined)
      expect([events, client.problem]).toEqual([[], undefined])
    }
  })

  test('is not silent because this process was busy', async () => {
    // As an answer that has arrived meanwhile: timers that are due run first.
    const { client, events } = ask(() => setImmediate(undefined))
    const kept = client.get('key')
    const busyUntil = performance.now() + 150
    while (performance.now() < busyUntil);
    expect([await kept, events]).toEqual([undefined, []])
  })

  const refusing = (refused: () => readonly string[]): { client: ResilientStore; kept: string[] } => {
    const kept: string[] = []
    const put = (key: string): Promise<void> => {
      if (refused().includes(key)) return Promise.reject(new Error('not that one'))
      kept.push(key)
      return Promise.resolve()
    }
    const store = { get: () => Promise.resolve(undefined), put }
    return { client: new ResilientStore({ store, timeoutMs: 50, tell: () => undefined }), kept }
  }
  const bookmark = formatBookmark({ systemIdentifier: '7', timeline: 1, lsn: 5n })

  test.each<[what: string, get: () => Promise<string>]>([
    ['fails', () => Promise.reject(new Error('down'))],
    ['never answers', () => new Promise(() => undefined)],
    ['answers garbage', () => Promise.resolve('garbage')],
  ])('and %s leaves from which timeline on there is something that could not be put', async (_, get) => {
    const store = { get, put: () => Promise.reject(new Error('down')) }
    const client = new ResilientStore({ store, timeoutMs: 50, tell: () => undefined })
    const from = { systemIdentifier: '7', timeline: 2 }
    await client.put('key', formatBookmark({ ...from, lsn: 5n }))
    expect(await client.get('key')).toBe(formatUnknownFrom(from))
    expect(await client.get('other')).toBe('unknown')
    client.stop()
  })

  test('and refuses one key keeps those that come after it', async () => {
    let refused = ['first', 'second', 'third']
    const { client, kept } = refusing(() => refused)
    for (const key of refused) await client.put(key, bookmark)
    expect(client.unsaved).toBe(3)
    refused = ['first']
    await expect.poll(() => client.unsaved, { timeout: 5_000 }).toBe(1)
    expect(kept.toSorted()).toEqual(['second', 'third'])
    client.stop()
  })

  test.each([
    ['the later one', formatBookmark({ systemIdentifier: '7', timeline: 1, lsn: 9n })],
    ['an unknown one', formatUnknownFrom({ systemIdentifier: '7', timeline: 1 })],
  ])('and refuses two of a key at once keeps %s', async (_, later) => {
    let isDown = true
    const kept = new Map<string, string>()
    const put = async (key: string, text: string): Promise<void> => {
      await setImmediate()
      if (isDown) throw new Error('down')
      kept.set(key, text)
    }
    const store = { get: (key: string) => Promise.resolve(kept.get(key)), put }
    const client = new ResilientStore({ store, timeoutMs: 1_000, tell: () => undefined })
    await Promise.all([client.put('key', later), client.put('key', bookmark)])
    expect(await client.get('key')).toBe(later)
    isDown = false
    await client.end()
    expect(kept.get('key')).toBe(later)
  })

  test.each([
    ['a position and a time', formatTimeBookmark(1_790_000_000_000)],
    ['of two clusters', formatBookmark({ systemIdentifier: '8', timeline: 1, lsn: 5n })],
  ])('and refuses two of a key that cannot be compared, %s, keeps that they are not known', async (_, other) => {
    const puts: string[] = []
    let isDown = true
    const put = (_key: string, text: string): Promise<void> => {
      if (isDown) return Promise.reject(new Error('down'))
      puts.push(text)
      return Promise.resolve()
    }
    const store = { get: () => Promise.resolve(undefined), put }
    const client = new ResilientStore({ store, timeoutMs: 50, tell: () => undefined })
    await client.put('key', bookmark)
    await client.put('key', other)
    expect(await client.get('key')).toSatisfy(isUnknownBookmark)
    isDown = false
    await client.end()
    expect(puts.map(isUnknownBookmark)).toEqual([true])
  })

  test('while what it had refused is put shows that, whenever it has looked', async () => {
    let isDown = true
    const kept = new Map<string, string>()
    let answer: () => void = () => undefined
    const answered = new Promise<void>((resolve) => (answer = resolve))
    const put = (key: string, text: string): Promise<void> => {
      if (isDown) return Promise.reject(new Error('down'))
      kept.set(key, text)
      return Promise.resolve()
    }
    const get = async (key: string): Promise<string | undefined> => {
      const found = kept.get(key)
      await answered
      return found
    }
    const client = new ResilientStore({ store: { get, put }, timeoutMs: 1_000, tell: () => undefined })
    await client.put('key', bookmark)
    isDown = false
    const got = client.get('key')
    await client.end()
    expect(client.unsaved).toBe(0)
    answer()
    expect(await got).toBe(bookmark)
  })

  test('and refuses more than can be remembered makes every session ask the primary', async () => {
    const store = { get: () => Promise.resolve(undefined), put: () => Promise.reject(new Error('down')) }
    const client = new ResilientStore({ store, timeoutMs: 1_000, tell: () => undefined })
    const most = 10_000
    await Promise.all(Array.from({ length: most }, (_, i) => client.put(`key ${i}`, bookmark)))
    expect([await client.get('another'), client.unsaved]).toEqual([undefined, most])
    await client.put('one more', bookmark)
    expect([await client.get('one more'), client.unsaved]).toEqual(['unknown', most])
    client.stop()
  })

  test('is asked once more at the end for what it did not take', async () => {
    let refused = ['first', 'second']
    const { client, kept } = refusing(() => refused)
    for (const key of refused) await client.put(key, bookmark)
    refused = []
    await client.end()
    expect([kept, client.unsaved]).toEqual([['first', 'second'], 0])
    const silent = { get: () => Promise.resolve(undefined), put: () => new Promise<void>(() => undefined) }
    const hanging = new ResilientStore({ store: silent, timeoutMs: 50, tell: () => undefined })
    void hanging.put('key', bookmark)
    await hanging.end()
    expect(hanging.unsaved).toBe(1)
  })

  test('tells no password of an error', async () => {
    const { client, events } = ask(() => Promise.reject(new Error('redis://app:hunter2@localhost is down')))
    await client.get('key')
    expect(JSON.stringify(events)).not.toContain('hunter2')
    expect(events[0]?.message).not.toContain('hunter2')
  })
})

test('what is no store, no client, no table and no time is an error at once', () => {
  const primary = 'postgres://localhost/app'
  expect(() => createPool({ primary, bookmarkStore: {} as never })).toThrow('bookmarkStore must be what redisStore()')
  expect(() => createPool({ primary, bookmarkStoreTimeoutMs: 0 })).toThrow('bookmarkStoreTimeoutMs')
  const client: RedisClient = { call: () => Promise.resolve(null) }
  expect(() => redisStore(undefined as never)).toThrow('client must be one of ioredis or redis, but it is undefined.')
  expect(() => redisStore(client, { keepMs: 10 })).toThrow('keepMs must be a whole number of milliseconds')
  expect(() => redisStore(client, { prefix: 7 as never })).toThrow('prefix must be a text, but it is a number.')
  expect(() => redisStore(client, { ttl: 7 } as never)).toThrow('There is no option "ttl".')
  expect(() => bookmarkTable({} as never)).toThrow('database must be a pool of pg, but it is an object.')
  const database = { query: () => Promise.resolve({ rows: [] }) }
  expect(() => bookmarkTable(database, { table: 'a; drop table users' })).toThrow('table must be a name of')
  expect(() => bookmarkTableSql('Users')).toThrow('table must be a name of')
  expect(bookmarkTableSql()).toContain('create table if not exists pg_nearest_bookmarks')
})
