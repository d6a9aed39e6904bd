import { describe, expect, test, vi } from 'vitest'
import { formatCookie, parseCookies, type HeaderValue } from '../../src/http-session/cookie.ts'
import { HttpSessions, type SessionPool } from '../../src/http-session/http-session.ts'
import { sessionFor } from '../../src/http/index.ts'
import { parseHttpOptions, type HttpSessionOptions } from '../../src/http-session/options.ts'
import type { Session, SessionOptions } from '../../src/index.ts'
import { formatBookmark } from '../../src/session/bookmark-text.ts'

const secret = 'a secret of this app alone'
const at = (lsn: bigint, timeline = 1): string =>
  formatBookmark({ systemIdentifier: '7400000000000000001', timeline, lsn })
const B1 = at(100n)
const B2 = at(200n)

describe('the cookies of a request', () => {
  test.each<[HeaderValue, string[]]>([
    [undefined, []],
    [null, []],
    ['', []],
    ['a=1', ['a 1']],
    ['other=1; a=2; last=3', ['other 1', 'a 2', 'last 3']],
    ['a=1;a=2', ['a 1', 'a 2']],
    [
      ['a=1', 'x=2; a=3'],
      ['a 1', 'x 2', 'a 3'],
    ],
    ['  a=  1  ;', ['a 1']],
    ['a=', ['a ']],
    ['a', []],
    ['a=b=c', ['a b=c']],
    [';;;=;=a;b=1', ['b 1']],
    [[1, undefined, 'a=1'] as unknown as string[], ['a 1']],
  ])('%j: %j', (header, cookies) => {
    expect(parseCookies(header).map(({ name, value }) => `${name} ${value}`)).toEqual(cookies)
  })
})

test.each<[HttpSessionOptions, boolean, string]>([
  [{}, false, 'c=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax'],
  [{}, true, 'c=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure'],
  [{ secure: false }, true, 'c=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax'],
  [{ secure: true, sameSite: 'strict' }, false, 'c=v; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure'],
  [{ sameSite: 'none' }, false, 'c=v; Path=/; Max-Age=60; HttpOnly; SameSite=None; Secure'],
  [
    { path: '/app', domain: 'example.com', maxAgeSeconds: 86_400 },
    false,
    'c=v; Domain=example.com; Path=/app; Max-Age=86400; HttpOnly; SameSite=Lax',
  ],
])('a cookie with %j, https %j', (options, https, expected) => {
  const parsed = parseHttpOptions(options)
  expect(formatCookie({ name: 'c', value: 'v' }, { ...parsed, secure: parsed.secure ?? https })).toBe(expected)
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

test('middleware that is mounted twice goes on in the same session, for each pool its own', () => {
  let made = 0
  const poolOf = (): SessionPool => ({
    session() {
      made++
      return { bookmark: () => undefined } as Session
    },
  })
  const [one, two] = [poolOf(), poolOf()]
  const request = (identity: object) => ({ identity, method: 'GET', https: false, header: () => undefined })
  const identity = {}
  const first = new HttpSessions(one).forRequest(request(identity))
  const again = new HttpSessions(one).forRequest(request(identity))
  const others = [new HttpSessions(two).forRequest(request(identity)), new HttpSessions(one).forRequest(request({}))]
  expect([first.isNew, again.isNew, ...others.map(({ isNew }) => isNew)]).toEqual([true, false, true, true])
  expect(again.http).toBe(first.http)
  expect(made).toBe(3)
})

test('sessionFor reads the headers of every kind of request, and says whether what they bring is signed', () => {
  const pool = { session: (options?: SessionOptions) => options } as unknown as SessionPool
  const cookie = `pg-nearest=${B1}`
  const unsigned = (bookmark: string | undefined) => ({ bookmark, trusted: false })
  expect(sessionFor(pool, { headers: { cookie } })).toEqual(unsigned(B1))
  expect(sessionFor(pool, { headers: new Headers({ cookie }) })).toEqual(unsigned(B1))
  const request = new Request('http://h/', { headers: { 'x-b': B2 } })
  expect(sessionFor(pool, request, { header: 'X-B' })).toEqual(unsigned(B2))
  expect(sessionFor(pool, { headers: {} })).toEqual(unsigned(undefined))
  expect(sessionFor(pool, { headers: { cookie } }, { secret })).toEqual({ bookmark: 'unknown', trusted: true })
})
