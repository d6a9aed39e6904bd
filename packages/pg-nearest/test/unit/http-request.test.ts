import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bookmarkCookie,
  bookmarkIn,
  isBookmarkCookie,
  newResponseName,
  responseCookie,
} from '../../src/http-session/hashed-bookmark-cookie-name.ts'
import type { HeaderValue } from '../../src/http-session/cookie.ts'
import { parseHttpOptions, type HttpSessionOptions } from '../../src/http-session/options.ts'
import { readRequestBookmarks } from '../../src/http-session/request-bookmarks.ts'
import { createBookmarkSeal } from '../../src/http-session/bookmark-seal.ts'
import { formatBookmark, formatTimeBookmark, formatUnknownFrom } from '../../src/session/bookmark-text.ts'

const NOW = 1_790_000_000_000
const secret = 'a secret of this app alone'
const seal = createBookmarkSeal({ secret, maxAgeMs: 60_000 })
const at = (lsn: bigint, timeline = 1, systemIdentifier = '7400000000000000001'): string =>
  formatBookmark({ systemIdentifier, timeline, lsn })
const B1 = at(100n)
const B2 = at(200n)
const B3 = at(300n)
const [FROM_1, FROM_2] = [1, 2].map((timeline) =>
  formatUnknownFrom({ systemIdentifier: '7400000000000000001', timeline }),
) as [string, string]
const T1 = formatTimeBookmark(NOW)
const T2 = formatTimeBookmark(NOW + 1)
const FOREIGN = at(1n, 1, '5')
const good = seal.seal(B1, NOW)
const expired = seal.seal(B2, NOW - 60_000)
const long = 'a'.repeat(513)
const cookie = (value: string, base = 'pg-nearest'): string => {
  const { name } = bookmarkCookie(base, value)
  return `${name}=${value}`
}

describe('the name of a bookmark’s cookie', () => {
  test('says which value it has, and is a token', () => {
    const { name, value } = bookmarkCookie('__Host-b', B1)
    expect([name, value]).toEqual([expect.stringMatching(/^__Host-b\.[\w-]{8}$/), B1])
    expect(bookmarkCookie('__Host-b', B1).name).toBe(name)
    expect(bookmarkCookie('__Host-b', B2).name).not.toBe(name)
  })

  test.each([
    ['an earlier build’s', 'pg-nearest', B1, true],
    ['an empty one', 'pg-nearest', '', false],
    ['of another application', 'pg-nearest.settings', B1, false],
    ['of another application, as long', 'pg-nearest.advanced', B1, false],
    ['of another option', bookmarkCookie('other', B1).name, B1, false],
    ['another value’s', bookmarkCookie('pg-nearest', B1).name, B2, false],
    ['removed', bookmarkCookie('pg-nearest', B1).name, '', false],
    ['in other letters', bookmarkCookie('PG-nearest', B1).name, B1, false],
    ['longer', `${bookmarkCookie('pg-nearest', B1).name}a`, B1, false],
    ['its own', bookmarkCookie('pg-nearest', B1).name, B1, true],
    ['a response’s', 'pg-nearest.a1b2c3d4', `${B1}~a1b2c3d4`, true],
    ['another response’s', 'pg-nearest.a1b2c3d4', `${B1}~b1b2c3d4`, false],
  ])('%s', (_what, name, value, expected) => {
    expect(isBookmarkCookie('pg-nearest', { name, value })).toBe(expected)
  })
})

test('a response’s cookie keeps its name whatever it says, and says just that', () => {
  const response = newResponseName()
  expect(response).toMatch(/^[\w-]{8}$/)
  const cookies = [B1, T1, 'unknown~x', seal.seal(B2, NOW)].map((value) => responseCookie('b', value, response))
  expect(new Set(cookies.map(({ name }) => name)).size).toBe(1)
  expect(cookies.map((each) => isBookmarkCookie('b', each))).toEqual([true, true, true, true])
  expect(cookies.map(bookmarkIn)).toEqual([B1, T1, 'unknown~x', seal.seal(B2, NOW)])
  expect(bookmarkIn(bookmarkCookie('b', 'unknown~x'))).toBe('unknown~x')
})

const ofResponse = (value: string): string => `pg-nearest.a1b2c3d4=${value}~a1b2c3d4`

describe('what a request’s session begins with', () => {
  const UNREADABLE = 'unknown'

  test.each<[string, HttpSessionOptions, Record<string, HeaderValue>, string | undefined]>([
    ['nothing', {}, {}, undefined],
    ['other cookies', {}, { cookie: 'a=1' }, undefined],
    ['a removed cookie', {}, { cookie: 'pg-nearest=' }, undefined],
    ['an earlier build’s cookie', {}, { cookie: `pg-nearest=${B1}` }, B1],
    ['a cookie', {}, { cookie: cookie(B1) }, B1],
    ['a response’s cookie', {}, { cookie: ofResponse(B1) }, B1],
    ['a response’s time', {}, { cookie: ofResponse(`${T1}~x`) }, T1],
    ['a response’s signed cookie', { secret }, { cookie: ofResponse(good) }, B1],
    ['a response’s and a later one', {}, { cookie: `${ofResponse(B1)}; ${cookie(B2)}` }, B2],
    ['a time', {}, { cookie: cookie(`${T1}~x`) }, T1],
    ['two times', {}, { cookie: `${cookie(`${T2}~x`)}; ${cookie(`${T1}~y`)}` }, T2],
    ['a time and a position', {}, { cookie: `${cookie(`${T1}~x`)}; ${cookie(B1)}` }, UNREADABLE],
    ['a time and what cannot be read', {}, { cookie: `${cookie(`${T1}~x`)}; ${cookie('unknown~y')}` }, UNREADABLE],
    ['a cookie of another name', { cookie: 'b' }, { cookie: `${cookie(B1)}; ${cookie(B2, 'b')}` }, B2],
    ['a text that is no bookmark', {}, { cookie: 'pg-nearest=unknown' }, UNREADABLE],
    ['512 characters', {}, { cookie: `pg-nearest=${long.slice(1)}` }, UNREADABLE],
    ['513 characters', {}, { cookie: `pg-nearest=${long}` }, UNREADABLE],
    ['odd bytes', {}, { cookie: 'pg-nearest=\u00e9\0' }, UNREADABLE],
    ['a space within', {}, { cookie: 'pg-nearest=a b' }, UNREADABLE],
    ['three cookies', {}, { cookie: [B1, B3, B2].map((each) => cookie(each)).join('; ') }, B3],
    ['two lines of cookies', {}, { cookie: [cookie(B1), cookie(B2)] }, B2],
    ['an earlier build’s and a cookie', {}, { cookie: `pg-nearest=${B2}; ${cookie(B1)}` }, B2],
    ['two of an earlier build', {}, { cookie: `pg-nearest=${B2}; pg-nearest=${B1}` }, B2],
    ['a later timeline', {}, { cookie: `${cookie(at(1n, 2))}; ${cookie(B2)}` }, at(1n, 2)],
    ['two clusters: the last', {}, { cookie: `${cookie(B2)}; ${cookie(FOREIGN)}` }, FOREIGN],
    ['another cluster’s between two', {}, { cookie: [B2, FOREIGN, B1].map((each) => cookie(each)).join(';') }, B2],
    ['a good and an odd one', {}, { cookie: `${cookie(B1)}; pg-nearest=\u00e9` }, FROM_1],
    ['an unknown and a good one', {}, { cookie: `${cookie('unknown~a')}; ${cookie(B1)}` }, FROM_1],
    ['an unknown one of a timeline', {}, { cookie: cookie(`${FROM_2}~a`) }, FROM_2],
    ['a response’s unknown one of a timeline', {}, { cookie: ofResponse(`${FROM_2}~a`) }, FROM_2],
    ['an unknown one of a timeline, and an earlier one', {}, { cookie: `${cookie(FROM_2)}; ${cookie(B3)}` }, FROM_2],
    ['two unknown ones', {}, { cookie: `${cookie(`${FROM_1}~a`)}; ${cookie(`${FROM_2}~b`)}` }, FROM_2],
    ['an unknown one of a timeline, sealed', { secret }, { cookie: cookie(seal.seal(FROM_2, NOW)) }, FROM_2],
    ['a cookie whose name is another’s', {}, { cookie: `pg-nearest.aaaaaaaa=${B1}` }, undefined],
    ['a header that nobody asked for', {}, { 'x-pg-bookmark': B1 }, undefined],
    ['a header', { header: 'X-Pg-Bookmark' }, { 'x-pg-bookmark': B1 }, B1],
    ['a header and a later cookie', { header: 'x-b' }, { 'x-b': B1, cookie: cookie(B2) }, B2],
    ['a header and an earlier cookie', { header: 'x-b' }, { 'x-b': B2, cookie: cookie(B1) }, B2],
    ['a bad header and a cookie', { header: 'x-b' }, { 'x-b': 'a b', cookie: cookie(B2) }, FROM_1],
    ['an empty header and a cookie', { header: 'x-b' }, { 'x-b': ' ', cookie: cookie(B2) }, B2],
    ['a header twice, in lines', { header: 'x-b' }, { 'x-b': [B2, B1] }, B2],
    ['a header twice, as Node joins them', { header: 'x-b' }, { 'x-b': `${B2}, ${B1}` }, B2],
    ['a header of forty', { header: 'x-b' }, { 'x-b': [...Array.from({ length: 39 }, () => B1), B2].join(',') }, B2],
    ['a header with one that is too long', { header: 'x-b' }, { 'x-b': `${long},${B1}` }, FROM_1],
    ['a header that is too long', { header: 'x-b' }, { 'x-b': `${B1},`.repeat(200) }, UNREADABLE],
    ['a sealed one', { secret }, { cookie: cookie(good) }, B1],
    ['sealed by the former secret', { secret: [`new ${secret}`, secret] }, { cookie: cookie(good) }, B1],
    ['sealed by another', { secret: `new ${secret}` }, { cookie: cookie(good) }, UNREADABLE],
    [
      'sealed by a secret that this process does not have yet, and by its own',
      { secret },
      {
        cookie: `${cookie(createBookmarkSeal({ secret: `new ${secret}`, maxAgeMs: 1 }).seal(B2, NOW))}; ${cookie(good)}`,
      },
      FROM_1,
    ],
    ['not sealed', { secret }, { cookie: cookie(B1) }, UNREADABLE],
    ['expired', { secret }, { cookie: cookie(expired) }, UNREADABLE],
    ['a sealed header', { secret, header: 'x-b' }, { 'x-b': good }, B1],
  ])('%s', (_what, options, headers, expected) => {
    const { start } = readRequestBookmarks((name) => headers[name], parseHttpOptions(options), NOW)
    expect(typeof start === 'object' ? formatBookmark(start) : start).toBe(expected)
  })

  test('10,000 mangled cookies and headers: always a bookmark or nothing, never an exception', () => {
    const every = [{ header: 'x-b' }, { header: 'x-b', secret }].map(parseHttpOptions)
    const piece = fc.oneof(
      fc.constantFrom(
        'pg-nearest',
        '=',
        ';',
        ',',
        ' ',
        '"',
        '%00',
        '\0',
        '\r\n',
        '.',
        B1,
        B2,
        good,
        expired,
        'é',
        long,
      ),
      fc.constantFrom(...[B1, good, expired].map((value) => cookie(value))),
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.string({ maxLength: 600 }),
    )
    const line = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
    const cookieLine = line.map((rest) => `pg-nearest=${rest}`)
    const header = fc.oneof(line, cookieLine, fc.array(fc.oneof(line, cookieLine), { maxLength: 4 }), fc.constant(null))
    fc.assert(
      fc.property(header, header, (cookies, own) => {
        for (const options of every) {
          const { all, start } = readRequestBookmarks((name) => (name === 'cookie' ? cookies : own), options, NOW)
          expect(start === undefined).toBe(all.length === 0)
          if (options.seal !== undefined && typeof start === 'object') expect(formatBookmark(start)).toBe(B1)
        }
      }),
      { numRuns: 10_000 },
    )
  }, 60_000)

  test('a long cookie header costs no more than its length', () => {
    const header = `pg-nearest=a;${cookie(B1)};`.repeat(20_000)
    const begun = performance.now()
    expect(readRequestBookmarks(() => header, parseHttpOptions({ header: 'x-b' }), NOW).start).toBe(FROM_1)
    expect(performance.now() - begun).toBeLessThan(5_000)
  })
})
