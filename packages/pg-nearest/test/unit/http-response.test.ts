import { describe, expect, test } from 'vitest'
import { bookmarkCookie } from '../../src/http-session/hashed-bookmark-cookie-name.ts'
import { HttpSession, type SessionPool } from '../../src/http-session/http-session.ts'
import { withSession } from '../../src/http/index.ts'
import { parseHttpOptions, type HttpSessionOptions } from '../../src/http-session/options.ts'
import type { Session, SessionOptions } from '../../src/index.ts'
import { formatBookmark } from '../../src/session/bookmark-text.ts'

const secret = 'a secret of this app alone'
const at = (lsn: bigint, more: { timeline?: number; systemIdentifier?: string; certainLsn?: bigint } = {}): string =>
  formatBookmark({ systemIdentifier: '7400000000000000001', timeline: 1, lsn, ...more })
const [B1, B2, B3] = [at(100n), at(200n), at(300n)]
const FOREIGN = at(1n, { systemIdentifier: '5' })
const OLD = 'pg-nearest'
const nameOf = (value: string): string => bookmarkCookie('pg-nearest', value).name
const cookies = (...values: string[]): { cookie: string } => ({
  cookie: values.map((value) => `${nameOf(value)}=${value}`).join('; '),
})

interface Written {
  /** `name=value`, and `-name` for one that is removed. */
  readonly cookies: string[]
  readonly headers: Record<string, string>
  readonly began: SessionOptions | undefined
}

interface Circumstances {
  readonly status?: number
  readonly method?: string
  /** What the app has set. */
  readonly set?: Record<string, string>
}

/** A request comes with `headers`, and its session has the bookmark `end` when the response is written. */
function respond(
  headers: Record<string, string>,
  end: string | undefined,
  options: HttpSessionOptions = {},
  { status = 200, method = 'GET', set = {} }: Circumstances = {},
): Written {
  let began: SessionOptions | undefined
  const pool: SessionPool = {
    session(from) {
      began = from
      return { bookmark: () => end } as Session
    },
  }
  const written = new Headers(set)
  const request = { identity: {}, method, https: false, header: (name: string) => headers[name] }
  new HttpSession(pool, parseHttpOptions(options), request).headerWriter(status)?.(written)
  const lines = written.getSetCookie().map((line) => {
    const [, pair = '', age] = /^(\S+); Path=\/; Max-Age=(60|0); HttpOnly; SameSite=Lax$/.exec(line) ?? []
    return age === '0' ? `-${pair.replace(/=$/, '')}` : pair
  })
  written.delete('set-cookie')
  return { cookies: lines, headers: Object.fromEntries(written), began }
}

const PRIVATE = { 'cache-control': 'private' }

describe('the cookies that a response sets and removes', () => {
  const added = (value: string): string => `${nameOf(value)}=${value}`
  const removed = (value: string): string => `-${nameOf(value)}`
  const unknown = 'unknown~0123456789ab'

  test.each<[string, Record<string, string>, string | undefined, string[]]>([
    ['nothing was seen', {}, undefined, []],
    ['something was seen', {}, B2, [added(B2)]],
    ['something later was seen', cookies(B1), B2, [added(B2), removed(B1)]],
    ['something later than several', cookies(B2, B1), B3, [added(B3), removed(B1), removed(B2)]],
    ['nothing new', cookies(B1), B1, []],
    ['nothing new, and there are several', cookies(B2, B1, B3), B3, [removed(B1), removed(B2)]],
    ['every server shows it', cookies(B1), undefined, [removed(B1)]],
    ['every server shows all of it', cookies(B2, B1), undefined, [removed(B1), removed(B2)]],
    ['the primary does not have it any more', cookies(B1, B3), B2, [added(B2), removed(B1), removed(B3)]],
    ['a later timeline', cookies(B3), at(1n, { timeline: 2 }), [added(at(1n, { timeline: 2 })), removed(B3)]],
    [
      'the timeline became certain',
      cookies(B1),
      at(100n, { certainLsn: 100n }),
      [added(at(100n, { certainLsn: 100n })), removed(B1)],
    ],
    ['the timeline was certain before', cookies(at(100n, { certainLsn: 100n })), B1, []],
    ['an earlier build’s cookie was enough', { cookie: `${OLD}=${B2}` }, B2, []],
    ['an earlier build’s cookie is covered', { cookie: `${OLD}=${B1}` }, B2, [added(B2), `-${OLD}`]],
    ['an earlier build’s cookie was ahead', { cookie: `${OLD}=${B2}; ${cookies(B1).cookie}` }, B2, [removed(B1)]],
    ['an earlier build’s cookie, twice, one of them enough', { cookie: `${OLD}=${B2}; ${OLD}=${B1}` }, B2, []],
    [
      'what could not be read is settled',
      { cookie: `${OLD}=odd; ${cookies(B1).cookie}` },
      B2,
      [added(B2), `-${OLD}`, removed(B1)],
    ],
    ['what could not be read is shown by every server', { cookie: `${OLD}=odd` }, undefined, [`-${OLD}`]],
    ['what is not known was settled', cookies(unknown), B2, [added(B2), removed(unknown)]],
    ['another cluster’s is left alone', cookies(FOREIGN, B1), B2, [added(B2), removed(B1)]],
    ['another cluster’s is left alone, when it came last', cookies(B1, FOREIGN), B2, [added(B2), removed(B1)]],
    [
      'another application’s is left alone',
      { cookie: `pg-nearest.advanced=1; ${cookies(B1).cookie}` },
      B2,
      [added(B2), removed(B1)],
    ],
  ])('%s', (_what, headers, end, expected) => {
    const { cookies: written, headers: others } = respond(headers, end)
    expect(written).toEqual(expected)
    expect(others).toEqual(expected.length > 0 ? PRIVATE : {})
  })

  test('what the session does not know gets a cookie that no other response can have seen', () => {
    const ends = [respond(cookies(B1, unknown), 'unknown'), respond(cookies(B1, unknown), 'unknown')]
    const one = [expect.stringMatching(/^pg-nearest\.[\w-]{8}=unknown~[\w-]{12}$/), removed(unknown), removed(B1)]
    expect(ends.map((each) => each.cookies)).toEqual([one, one])
    expect(ends[0]?.cookies[0]).not.toBe(ends[1]?.cookies[0])
  })

  test('a hundred cookies go ten at a time, the earliest first, so that the headers stay short', () => {
    const hundred = Array.from({ length: 100 }, (_, i) => at(BigInt(i + 1)))
    const { cookies: written } = respond(cookies(...hundred.toReversed()), B2)
    expect(written).toEqual([added(B2), ...hundred.slice(0, 10).map(removed)])
  })

  test('of two that are sealed at different times every response keeps the same one', () => {
    const [first, second] = [1, 2].map((later) => sealedAt(later))
    const oneWay = respond(cookies(first ?? '', second ?? ''), B1, { secret }).cookies
    const other = respond(cookies(second ?? '', first ?? ''), B1, { secret }).cookies
    expect([oneWay, other]).toEqual([[removed(first ?? '')], [removed(first ?? '')]])
  })

  function sealedAt(later: number): string {
    return parseHttpOptions({ secret }).seal?.seal(B1, Date.now() + later) ?? ''
  }

  test.each([100, 101, 103])('nothing with status %d', (status) => {
    expect(respond({}, B2, {}, { status })).toMatchObject({ cookies: [], headers: {} })
  })

  test('a removal names the path and the domain that the cookie was set with', () => {
    const lines = new Headers()
    const options = parseHttpOptions({ path: '/app', domain: 'example.com', sameSite: 'none' })
    const pool = { session: () => ({ bookmark: () => B2 }) } as unknown as SessionPool
    const request = {
      identity: {},
      method: 'GET',
      https: true,
      header: (name: string) => Object.entries(cookies(B1)).find(([key]) => key === name)?.[1],
    }
    new HttpSession(pool, options, request).headerWriter(200)?.(lines)
    const attributes = (age: number): string =>
      `; Domain=example.com; Path=/app; Max-Age=${age}; HttpOnly; SameSite=None; Secure`
    expect(lines.getSetCookie()).toEqual([`${nameOf(B2)}=${B2}${attributes(60)}`, `${nameOf(B1)}=${attributes(0)}`])
  })
})

describe('the header that carries the bookmark as well', () => {
  const options = { header: 'X-B' }

  test('has what the cookie has, and nothing if nothing is new', () => {
    expect(respond({}, B2, options)).toMatchObject({
      cookies: [`${nameOf(B2)}=${B2}`],
      headers: { ...PRIVATE, 'x-b': B2 },
    })
    expect(respond({ 'x-b': B1 }, undefined, options)).toMatchObject({ cookies: [], headers: {} })
    expect(respond(cookies(B1), undefined, options)).toMatchObject({ cookies: [`-${nameOf(B1)}`], headers: PRIVATE })
  })

  test('that has it alone removes no cookie, for the next request may come without it', () => {
    const headers = { 'x-b': B3, ...cookies(B2, B1) }
    expect(respond(headers, B3, options)).toMatchObject({ cookies: [], headers: {} })
    expect(respond({ 'x-b': B1, ...cookies(B2) }, B2, options)).toMatchObject({ cookies: [], headers: {} })
  })

  test('that the client brings back sealed is read again', () => {
    const {
      cookies: [cookie],
      headers,
    } = respond({}, B2, { ...options, secret })
    const value = headers['x-b'] ?? ''
    expect(value).not.toBe(B2)
    expect(cookie).toBe(`${nameOf(value)}=${value}`)
    const again = respond({ 'x-b': value }, B2, { ...options, secret })
    expect(again).toEqual({ cookies: [], headers: {}, began: { bookmark: B2, trusted: true } })
  })
})

test('a bookmark that came unsigned is not trusted', () => {
  expect(respond(cookies(B1), B1).began).toEqual({ bookmark: B1, trusted: false })
  expect(respond({}, undefined, { secret }).began).toEqual({ bookmark: undefined, trusted: true })
})

describe('a response that shared caches may keep', () => {
  const future = new Date(Date.now() + 3_600_000).toUTCString()
  const past = new Date(Date.now() - 3_600_000).toUTCString()
  type Fate = 'no cookie' | 'as it was' | 'made private'

  test.each<[Record<string, string>, Fate]>([
    [{}, 'made private'],
    [{ 'cache-control': '' }, 'made private'],
    [{ 'cache-control': 'no-cache' }, 'made private'],
    [{ 'cache-control': 'must-revalidate' }, 'made private'],
    [{ 'cache-control': 'proxy-revalidate, no-transform' }, 'made private'],
    [{ 'cache-control': 'max-age=0' }, 'made private'],
    [{ 'cache-control': 's-maxage=0' }, 'made private'],
    [{ 'cache-control': 'max-age=0, must-revalidate' }, 'made private'],
    [{ 'cache-control': 'max-age=0', expires: future }, 'made private'],
    [{ 'cache-control': 'max-age=soon' }, 'made private'],
    [{ 'cache-control': 'private="x-other"' }, 'made private'],
    [{ 'cache-control': 'extension="public, max-age=60"' }, 'made private'],
    [{ expires: '0' }, 'made private'],
    [{ expires: past }, 'made private'],
    [{ vary: 'Cookie' }, 'made private'],
    [{ vary: '*' }, 'made private'],
    [{ 'surrogate-control': 'no-store' }, 'made private'],
    [{ 'cdn-cache-control': 'max-age=0' }, 'made private'],
    [{ 'cache-control': 'private' }, 'as it was'],
    [{ 'cache-control': 'Private, max-age=60' }, 'as it was'],
    [{ 'cache-control': 'private, immutable', expires: future }, 'as it was'],
    [{ 'cache-control': 'no-store' }, 'as it was'],
    [{ 'cache-control': 'no-store, max-age=60' }, 'as it was'],
    [{ 'cache-control': 'public, max-age=60, private="Set-Cookie"' }, 'as it was'],
    [{ 'cache-control': 'max-age=60, no-cache="x-other, set-cookie"' }, 'as it was'],
    [{ 'cache-control': 'private', 'cdn-cache-control': 'no-store' }, 'as it was'],
    [{ 'cache-control': 'public, max-age=60' }, 'no cookie'],
    [{ 'cache-control': 'Public' }, 'no cookie'],
    [{ 'cache-control': 'public, max-age=0, must-revalidate' }, 'no cookie'],
    [{ 'cache-control': 'max-age=60' }, 'no cookie'],
    [{ 'cache-control': 'MAX-AGE="60"' }, 'no cookie'],
    [{ 'cache-control': 'max-age = 60' }, 'no cookie'],
    [{ 'cache-control': 'no-transform max-age=60' }, 'no cookie'],
    [{ 'cache-control': 'max-age=60, must-revalidate' }, 'no cookie'],
    [{ 'cache-control': 'max-age=0, s-maxage=60' }, 'no cookie'],
    [{ 'cache-control': 'immutable' }, 'no cookie'],
    [{ 'cache-control': 'max-age=0, stale-while-revalidate=60' }, 'no cookie'],
    [{ 'cache-control': 'stale-if-error=60' }, 'no cookie'],
    [{ 'cache-control': 'max-age=60, private="x-other"' }, 'no cookie'],
    [{ expires: future }, 'no cookie'],
    [{ expires: future, 'cache-control': 'no-cache' }, 'no cookie'],
    [{ 'cdn-cache-control': 'max-age=60' }, 'no cookie'],
    [{ 'cache-control': 'private', 'cdn-cache-control': 'max-age=60' }, 'no cookie'],
    [{ 'cache-control': 'no-store', 'surrogate-control': 'content="ESI/1.0", max-age=60+30' }, 'no cookie'],
    [{ 'vercel-cdn-cache-control': 's-maxage=60' }, 'no cookie'],
  ])('%j: %s', (set, fate) => {
    for (const method of ['GET', 'HEAD', 'QUERY']) {
      const { cookies: written, headers } = respond(cookies(B1), B2, {}, { method, set })
      expect(written).toHaveLength(fate === 'no cookie' ? 0 : 2)
      const before = set['cache-control'] === undefined || set['cache-control'] === '' ? [] : [set['cache-control']]
      const expected = fate === 'made private' ? [...before, 'private'].join(', ') : set['cache-control']
      expect(headers['cache-control']).toBe(expected)
    }
  })

  test('a header of our own has to be left out as well', () => {
    const set = (fields: string): Circumstances => ({ set: { 'cache-control': `max-age=60, private="${fields}"` } })
    expect(respond({}, B2, { header: 'x-b' }, set('set-cookie')).cookies).toEqual([])
    expect(respond({}, B2, { header: 'x-b' }, set('set-cookie, X-B')).cookies).toHaveLength(1)
  })

  test('to a write carries its bookmark, for nobody answers another request with it', () => {
    const set = { 'cache-control': 'public, max-age=60' }
    const written = respond({}, B2, {}, { method: 'POST', set })
    expect([written.cookies.length, written.headers]).toEqual([1, set])
  })

  test('to a POST that says where to GET the same is made private', () => {
    const set = { 'cache-control': 'max-age=60', 'content-location': '/users/1' }
    const { cookies: written, headers } = respond({}, B2, {}, { method: 'POST', set })
    expect([written.length, headers['cache-control']]).toEqual([1, 'max-age=60, private'])
  })
})

describe('a response that a handler gives to several clients', () => {
  const NOTHING = (): Response => new Response(null, { status: 204, headers: { 'x-own': '1' } })

  test.each<[string, (shared: Response) => Response]>([
    ['returned', (shared) => shared],
    [
      'thrown',
      (shared) => {
        throw shared
      },
    ],
  ])('has for each only what is its own when it is %s', async (_how, give) => {
    const ends = [B1, B2]
    const pool: SessionPool = {
      session: () => {
        const end = ends.shift()
        return { bookmark: () => end, run: (work: () => unknown) => work() } as Session
      },
    }
    const shared = NOTHING()
    const handle = withSession(pool, () => give(shared))
    const ask = (): Promise<Response> =>
      handle(new Request('http://h/', { method: 'POST' })).catch((error: unknown) => error as Response)
    const answers = [await ask(), await ask()]
    expect(answers.map(({ headers }) => headers.getSetCookie().map((line) => line.split('; ')[0]))).toEqual([
      [`${nameOf(B1)}=${B1}`],
      [`${nameOf(B2)}=${B2}`],
    ])
    expect(answers.map(({ status, headers }) => [status, headers.get('x-own')])).toEqual([
      [204, '1'],
      [204, '1'],
    ])
    expect(shared.headers.getSetCookie()).toEqual([])
  })
})

/** As those of h3 (of srvx): it becomes a `Response` when it is asked for its body. */
class LazyResponse {
  readonly status = 200
  readonly statusText = ''
  readonly #text: string
  readonly #headers = new Headers()
  #made: Response | undefined

  constructor(text: string) {
    this.#text = text
  }

  get headers(): Headers {
    return this.#made?.headers ?? this.#headers
  }

  get body(): Response['body'] {
    this.#made ??= new Response(this.#text, { headers: this.#headers })
    return this.#made.body
  }
}

test('a response that is made when it is asked for its body carries the bookmark', async () => {
  const pool: SessionPool = {
    session: () => ({ bookmark: () => B1, run: (work: () => unknown) => work() }) as Session,
  }
  const handle = withSession(pool, () => new LazyResponse('{}') as unknown as Response)
  const { headers } = await handle(new Request('http://h/', { method: 'POST' }))
  expect(headers.getSetCookie().map((line) => line.split('; ')[0])).toEqual([`${nameOf(B1)}=${B1}`])
})
