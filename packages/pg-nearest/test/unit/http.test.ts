import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { readBrought } from '../../src/http/brought.ts'
import { cookieValues, formatCookie, type HeaderValue } from '../../src/http/cookie.ts'
import { HttpSession, HttpSessions, type SessionPool } from '../../src/http/http-session.ts'
import { sessionFor } from '../../src/http/index.ts'
import { parseHttpOptions, type HttpSessionOptions } from '../../src/http/options.ts'
import type { Session } from '../../src/index.ts'
import { createBookmarkSeal } from '../../src/session/bookmark-seal.ts'
import { formatBookmark } from '../../src/session/bookmark-text.ts'

const NOW = 1_790_000_000_000
const secret = 'a secret of this app alone'
const at = (lsn: bigint, timeline = 1): string =>
  formatBookmark({ systemIdentifier: '7400000000000000001', timeline, lsn })
const B1 = at(100n)
const B2 = at(200n)

describe('the values of a cookie', () => {
  test.each<[HeaderValue, string[]]>([
    [undefined, []],
    [null, []],
    ['', []],
    ['pg-nearest=a', ['a']],
    ['other=1; pg-nearest=a; last=2', ['a']],
    ['pg-nearest=a;pg-nearest=b', ['a', 'b']],
    [
      ['pg-nearest=a', 'x=1; pg-nearest=b'],
      ['a', 'b'],
    ],
    ['  pg-nearest=  a  ;', ['a']],
    ['pg-nearest=', ['']],
    ['pg-nearest', []],
    ['xpg-nearest=a', []],
    ['PG-NEAREST=a', []],
    ['pg-nearest=a=b', ['a=b']],
    [';;;=;=a;pg-nearest=a', ['a']],
    [[1, undefined, 'pg-nearest=a'] as unknown as string[], ['a']],
  ])('%j: %j', (header, values) => {
    expect(cookieValues(header, 'pg-nearest')).toEqual(values)
  })
})

test.each<[HttpSessionOptions, boolean, string]>([
  [{}, false, 'pg-nearest=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax'],
  [{}, true, 'pg-nearest=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure'],
  [{ secure: false }, true, 'pg-nearest=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax'],
  [{ secure: true, sameSite: 'strict' }, false, 'pg-nearest=v; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure'],
  [{ sameSite: 'none' }, false, 'pg-nearest=v; Path=/; Max-Age=60; HttpOnly; SameSite=None; Secure'],
  [
    { cookie: '__Host-b', path: '/app', domain: 'example.com', maxAgeSeconds: 86_400 },
    false,
    '__Host-b=v; Domain=example.com; Path=/app; Max-Age=86400; HttpOnly; SameSite=Lax',
  ],
])('a cookie with %j, https %j', (options, https, expected) => {
  const parsed = parseHttpOptions(options)
  expect(formatCookie('v', { ...parsed, secure: parsed.secure ?? https })).toBe(expected)
})

test('in production the cookie is for https alone, whatever the request says', () => {
  vi.stubEnv('NODE_ENV', 'production')
  try {
    expect(parseHttpOptions({}).secure).toBe(true)
    expect(parseHttpOptions({ secure: false }).secure).toBe(false)
  } finally {
    vi.unstubAllEnvs()
  }
})

test.each<[string, Record<string, unknown>]>([
  ['cookie', { cookie: 'a b' }],
  ['cookie', { cookie: '' }],
  ['cookie', { cookie: 'a;b' }],
  ['cookie', { cookie: 'a=b' }],
  ['header', { header: 'a\nb' }],
  ['maxAgeSeconds', { maxAgeSeconds: 0 }],
  ['maxAgeSeconds', { maxAgeSeconds: 86_401 }],
  ['maxAgeSeconds', { maxAgeSeconds: 1.5 }],
  ['maxAgeSeconds', { maxAgeSeconds: '60' }],
  ['path', { path: 'app' }],
  ['path', { path: '/a; Secure' }],
  ['domain', { domain: 'a;b' }],
  ['sameSite', { sameSite: 'Lax' }],
  ['sameSite', { sameSite: 'toString' }],
  ['secure', { secure: 'yes' }],
  ['secure', { secure: false, sameSite: 'none' }],
  ['secret', { secret: 'short' }],
  ['maxAge', { maxAge: 60 }],
  ['options', 'pg-nearest' as unknown as Record<string, unknown>],
])('an option that cannot be used names itself: %s of %j', (option, options) => {
  expect(() => parseHttpOptions(options)).toThrow(expect.objectContaining({ name: 'OptionError', option }))
})

test('what is no pool is refused at once', () => {
  const pools = [undefined, null, {}, 'postgres://h/app'] as unknown as SessionPool[]
  for (const pool of pools) {
    expect(() => new HttpSessions(pool)).toThrow(expect.objectContaining({ option: 'pool' }))
    expect(() => sessionFor(pool, { headers: {} })).toThrow(expect.objectContaining({ option: 'pool' }))
  }
})

describe('what a request brought', () => {
  const seal = createBookmarkSeal({ secret, maxAgeMs: 60_000 })
  const good = seal.seal(B1, NOW)
  const expired = seal.seal(B2, NOW - 60_000)
  const long = 'a'.repeat(513)
  const foreign = formatBookmark({ systemIdentifier: '5', timeline: 1, lsn: 1n })

  test.each<[string, HttpSessionOptions, Record<string, HeaderValue>, string | undefined, boolean]>([
    ['nothing', {}, {}, undefined, false],
    ['other cookies', {}, { cookie: 'a=1' }, undefined, false],
    ['a removed cookie', {}, { cookie: 'pg-nearest=' }, undefined, false],
    ['a cookie', {}, { cookie: `pg-nearest=${B1}` }, B1, true],
    ['a cookie of another name', { cookie: 'b' }, { cookie: `pg-nearest=${B1}; b=${B2}` }, B2, true],
    ['a text that the pool will judge', {}, { cookie: 'pg-nearest=unknown' }, 'unknown', true],
    ['512 characters', {}, { cookie: `pg-nearest=${long.slice(1)}` }, long.slice(1), true],
    ['513 characters', {}, { cookie: `pg-nearest=${long}` }, 'invalid', true],
    ['odd bytes', {}, { cookie: 'pg-nearest=\u00e9\0' }, 'invalid', true],
    ['a space within', {}, { cookie: 'pg-nearest=a b' }, 'invalid', true],
    ['two cookies: the later position', {}, { cookie: `pg-nearest=${B2}; pg-nearest=${B1}` }, B2, true],
    ['two lines of cookies', {}, { cookie: [`pg-nearest=${B1}`, `pg-nearest=${B2}`] }, B2, true],
    ['a later timeline', {}, { cookie: `pg-nearest=${at(1n, 2)}; pg-nearest=${B2}` }, at(1n, 2), true],
    ['of two clusters the last', {}, { cookie: `pg-nearest=${B2}; pg-nearest=${foreign}` }, foreign, true],
    ['a valid and an odd one', {}, { cookie: `pg-nearest=${B1}; pg-nearest=\u00e9` }, B1, true],
    ['a valid one and no bookmark', {}, { cookie: `pg-nearest=${B1}; pg-nearest=zzz` }, B1, true],
    ['two that are none', {}, { cookie: 'pg-nearest=x; pg-nearest=y' }, 'invalid', true],
    ['a header that nobody asked for', {}, { 'x-pg-bookmark': B1 }, undefined, false],
    ['a header', { header: 'X-Pg-Bookmark' }, { 'x-pg-bookmark': B1 }, B1, false],
    ['a header and a cookie', { header: 'x-b' }, { 'x-b': B1, cookie: `pg-nearest=${B2}` }, B1, true],
    ['a bad header and a cookie', { header: 'x-b' }, { 'x-b': 'a b', cookie: `pg-nearest=${B2}` }, 'invalid', true],
    ['an empty header and a cookie', { header: 'x-b' }, { 'x-b': ' ', cookie: `pg-nearest=${B2}` }, B2, true],
    ['a header twice, in lines', { header: 'x-b' }, { 'x-b': [B1, B2] }, B2, false],
    ['a header twice, as Node joins them', { header: 'x-b' }, { 'x-b': `${B2}, ${B1}` }, B2, false],
    ['a long header', { header: 'x-b' }, { 'x-b': `${long},${B1}` }, 'invalid', false],
    ['a sealed one', { secret }, { cookie: `pg-nearest=${good}` }, B1, true],
    ['sealed by the former secret', { secret: [`new ${secret}`, secret] }, { cookie: `pg-nearest=${good}` }, B1, true],
    ['sealed by another', { secret: `new ${secret}` }, { cookie: `pg-nearest=${good}` }, 'invalid', true],
    ['not sealed', { secret }, { cookie: `pg-nearest=${B1}` }, 'invalid', true],
    ['expired', { secret }, { cookie: `pg-nearest=${expired}` }, 'invalid', true],
    ['expired and good', { secret }, { cookie: `pg-nearest=${good}; pg-nearest=${expired}` }, B1, true],
    ['a sealed header', { secret, header: 'x-b' }, { 'x-b': good }, B1, false],
  ])('%s', (_what, options, headers, bookmark, cookie) => {
    expect(readBrought((name) => headers[name], parseHttpOptions(options), NOW)).toEqual({ bookmark, cookie })
  })

  test('10,000 mangled cookies and headers: always a text or nothing, never an exception', () => {
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
      fc.string({ unit: 'binary', maxLength: 8 }),
      fc.string({ maxLength: 600 }),
    )
    const line = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
    const cookieLine = line.map((rest) => `pg-nearest=${rest}`)
    const header = fc.oneof(line, cookieLine, fc.array(fc.oneof(line, cookieLine), { maxLength: 4 }), fc.constant(null))
    fc.assert(
      fc.property(header, header, (cookie, own) => {
        for (const options of every) {
          const brought = readBrought((name) => (name === 'cookie' ? cookie : own), options, NOW)
          expect(brought.bookmark ?? '').toMatch(/^[\w.~-]{0,512}$/)
          if (options.seal !== undefined) expect([undefined, 'invalid', B1]).toContain(brought.bookmark)
          if (brought.cookie) expect(brought.bookmark).toBeDefined()
        }
      }),
      { numRuns: 10_000 },
    )
  })

  test('a long cookie header costs no more than its length', () => {
    const header = 'pg-nearest=a;'.repeat(20_000)
    const begun = performance.now()
    expect(readBrought(() => header, parseHttpOptions({ header: 'x-b' }), NOW).bookmark).toBe('invalid')
    expect(performance.now() - begun).toBeLessThan(1_000)
  })
})

describe('what a response hands back', () => {
  interface Told {
    readonly headers: [string, string][]
    readonly began: string | undefined
  }

  interface Circumstances {
    readonly status?: number
    readonly method?: string
    readonly cacheControl?: string
    readonly start?: string | undefined
  }

  /** A request comes with `headers`, its session ends at `end`, and the response says something about caches already. */
  function tell(
    headers: Record<string, string>,
    end: string | undefined,
    options: HttpSessionOptions = {},
    { status = 200, method = 'GET', cacheControl, start = headers['cookie'] }: Circumstances = {},
  ): Told {
    const told: Told['headers'] = []
    const states = [start?.replace('pg-nearest=', ''), end]
    let began: string | undefined
    const pool: SessionPool = {
      session(bookmark) {
        began = bookmark
        return { bookmark: () => states.shift() } as Session
      },
    }
    const request = { identity: {}, method, https: false, header: (name: string) => headers[name] }
    new HttpSession(pool, parseHttpOptions(options), request).news(status)?.({
      get: (name) => (name === 'cache-control' ? cacheControl : undefined),
      set: (name, value) => told.push([name, value]),
      append: (name, value) => told.push([`+${name}`, value]),
    })
    return { headers: told, began }
  }
  const attributes = 'Path=/; Max-Age=60; HttpOnly; SameSite=Lax'
  const set = ['+set-cookie', `pg-nearest=${B2}; ${attributes}`]
  const removed = ['+set-cookie', `pg-nearest=; ${attributes.replace('60', '0')}`]
  const isPrivate = ['cache-control', 'private']
  const cookie = `pg-nearest=${B1}`

  test('nothing, if nothing was seen', () => {
    expect(tell({}, undefined)).toEqual({ headers: [], began: undefined })
  })

  test('a cookie, if the bookmark is new or another one', () => {
    expect(tell({}, B2)).toEqual({ headers: [set, isPrivate], began: undefined })
    expect(tell({ cookie }, B2)).toEqual({ headers: [set, isPrivate], began: B1 })
  })

  test('nothing, if the request brought the same', () => {
    expect(tell({ cookie }, B1).headers).toEqual([])
    expect(tell({ cookie }, B1, {}, { start: undefined }).headers, 'a replica that was ahead is down').toEqual([])
  })

  test('nothing, if what could not be read is still all that there is', () => {
    expect(tell({ cookie: 'pg-nearest=%' }, 'unknown', {}, { start: 'unknown' }).headers).toEqual([])
  })

  test('the cookie’s end, if the bookmark no longer matters', () => {
    expect(tell({ cookie }, undefined).headers).toEqual([removed, isPrivate])
    expect(tell({ 'x-b': B1 }, undefined, { header: 'x-b' }).headers).toEqual([])
  })

  test('the header as well, if there is one', () => {
    expect(tell({}, B2, { header: 'X-B' }).headers).toEqual([set, ['x-b', B2], isPrivate])
    expect(tell({ cookie }, undefined, { header: 'x-b' }).headers).toEqual([removed, isPrivate])
  })

  test('what the client brings back sealed is read again', () => {
    const { headers } = tell({}, B2, { secret, header: 'x-b' })
    const [, value = ''] = headers.find(([name]) => name === 'x-b') ?? []
    expect(value).not.toBe(B2)
    expect(headers[0]?.[1]).toContain(`pg-nearest=${value};`)
    expect(tell({ 'x-b': value }, B2, { secret, header: 'x-b' })).toEqual({ headers: [], began: B2 })
  })

  test.each([
    ['GET', 'no-cache', [set]],
    ['GET', 'max-age=60', [set]],
    ['GET', 'private, max-age=60', [set]],
    ['GET', 'public, max-age=60', []],
    ['GET', 'Public', []],
    ['HEAD', 'max-age=0, s-maxage=60', []],
    ['POST', 'public', [set]],
  ])('to %s with Cache-Control: %s', (method, cacheControl, expected) => {
    expect(tell({}, B2, {}, { method, cacheControl }).headers).toEqual(expected)
  })

  test.each([100, 101, 103])('nothing with status %d', (status) => {
    expect(tell({}, B2, {}, { status }).headers).toEqual([])
  })
})

test('a request that is met again goes on in the same session, for each pool its own', () => {
  const made: (string | undefined)[] = []
  const poolOf = (): SessionPool => ({
    session(bookmark) {
      made.push(bookmark)
      return { bookmark: () => bookmark } as Session
    },
  })
  const [one, two] = [poolOf(), poolOf()]
  const request = (identity: object) => ({ identity, method: 'GET', https: false, header: () => undefined })
  const identity = {}
  const first = new HttpSessions(one).of(request(identity))
  const again = new HttpSessions(one).of(request(identity))
  const others = [new HttpSessions(two).of(request(identity)), new HttpSessions(one).of(request({}))]
  expect([first.isNew, again.isNew, ...others.map(({ isNew }) => isNew)]).toEqual([true, false, true, true])
  expect(again.http).toBe(first.http)
  expect(made).toHaveLength(3)
})

test('sessionFor reads the headers of every kind of request', () => {
  const pool = { session: (bookmark?: string) => bookmark } as unknown as SessionPool
  const cookie = `pg-nearest=${B1}`
  expect(sessionFor(pool, { headers: { cookie } })).toBe(B1)
  expect(sessionFor(pool, { headers: new Headers({ cookie }) })).toBe(B1)
  expect(sessionFor(pool, new Request('http://h/', { headers: { 'x-b': B2 } }), { header: 'X-B' })).toBe(B2)
  expect(sessionFor(pool, { headers: {} })).toBeUndefined()
  expect(sessionFor(pool, { headers: { cookie } }, { secret })).toBe('invalid')
})
