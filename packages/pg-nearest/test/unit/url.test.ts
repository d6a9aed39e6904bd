import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { Client } from 'pg'
import { describe, expect, test } from 'vitest'
import { parseServerUrl, sameServer } from '../../src/discovery/parse-server-url.ts'
import { joinUrl, splitUrl } from '../../src/discovery/url-parts.ts'
import { isOptionError } from '../../src/errors.ts'
import type { OptionError } from '../../src/errors.ts'

const parse = (url: unknown, env = {}): ReturnType<typeof parseServerUrl> => parseServerUrl(url, 'primary', env)

function refusal(url: unknown, env = {}): OptionError {
  try {
    parse(url, env)
  } catch (error) {
    if (isOptionError(error)) return error
    throw error
  }
  throw new Error('the URL was taken')
}

describe('what a URL says', () => {
  const cases: readonly (readonly [url: string, expected: object])[] = [
    [
      'postgres://ada:pw@ord-host:5432/app',
      { host: 'ord-host', port: 5432, database: 'app', user: 'ada', label: 'ord-host:5432/app' },
    ],
    ['postgresql://ord-host/app', { host: 'ord-host', port: 5432, label: 'ord-host:5432/app' }],
    ['POSTGRES://ord-host/app', { host: 'ord-host' }],
    ['postgres://ada@ord-host', { database: 'ada', label: 'ord-host:5432/ada' }],
    ['postgres://ord-host', { user: undefined, database: undefined, label: 'ord-host:5432' }],
    ['postgres://a:pw@[fdaa::3]:5433/app', { host: 'fdaa::3', port: 5433, label: '[fdaa::3]:5433/app' }],
    ['postgres://[FDAA:0:0::0003]/app', { host: 'fdaa::3', label: '[fdaa::3]:5432/app' }],
    ['postgres://a:p%40%2F%23%25@h/app', { host: 'h', user: 'a', database: 'app' }],
    ['postgres://a:p@ss:w@h/app', { host: 'h', user: 'a', database: 'app' }],
    ['postgres://a:pw@h:/app', { port: 5432 }],
    ['postgres://%2Fvar%2Frun/app', { host: '/var/run', label: '/var/run:5432/app' }],
    ['postgres:///app?host=/tmp', { host: '/tmp', label: '/tmp:5432/app' }],
    ['postgres://a:pw@/app?host=/tmp&port=5444', { host: '/tmp', port: 5444, user: 'a' }],
    ['postgres://x@h/app?user=ada@team&password=pw', { user: 'ada@team', label: 'h:5432/app' }],
    ['postgres://h:5432/app?sslmode=disable&options=-c%20search_path%3Dx', { host: 'h', port: 5432, database: 'app' }],
  ]
  test.each(cases)('%s', (url, expected) => {
    expect(parse(url)).toMatchObject(expected)
    expect(parse(url).url).toBe(url)
  })

  test("what it leaves out comes from pg's variables", () => {
    const env = { PGUSER: 'eve', PGDATABASE: 'shop', PGPORT: '6000', USER: 'root' }
    expect(parse('postgres://h', env)).toMatchObject({ user: 'eve', database: 'shop', port: 6000 })
    expect(parse('postgres://ada@h:5433/app', env)).toMatchObject({ user: 'ada', database: 'app', port: 5433 })
    expect(parse('postgres://h', { USER: 'root' })).toMatchObject({ user: 'root', database: 'root', port: 5432 })
  })
})

describe('what is refused, with what to do', () => {
  const cases: readonly (readonly [url: unknown, message: RegExp])[] = [
    [undefined, /undefined.*environment variable/],
    [null, /null/],
    [42, /a number/],
    [['postgres://h/a'], /a list/],
    ['', /empty.*environment variable/],
    ['  ', /empty/],
    ['"postgres://h/a"', /quotation mark/],
    ['postgres://h/a\n', /control character/],
    ['postgres://h/a\u0000', /control character/],
    ['postgres://h /a', /white space/],
    [' postgres://h/a', /white space/],
    ['h:5432/a', /does not begin with/],
    ['mysql://h/a', /does not begin with/],
    ['postgres:h', /does not begin with/],
    ['/var/run/postgresql app', /white space/],
    ['postgres://u:se#cret@h/a', /percent-encode it: "#" is %23/],
    ['postgres://u:se/cret@h/a', /percent-encode it: "\/" is %2F/],
    ['postgres://u:12/34@h/a', /percent-encode it: "\/" is %2F/],
    ['postgres://u:12?34@h/a', /percent-encode it: "\?" is %3F/],
    ['postgres://u:se%cret@h/a', /percent-encode it: "%" is %25/],
    ['postgres://u:secret%@h/a', /percent-encode it: "%" is %25/],
    ['postgres://u:secret%ff@h/a', /not UTF-8/],
    ['postgres://u:secret%00@h/a', /%00/],
    ['postgres://u%0A:secret@h/a', /control character/],
    ['postgres://h/a%1B', /control character/],
    ['postgres://u:secret', /no port/],
    ['postgres://h:0/a', /no port/],
    ['postgres://h:65536/a', /no port/],
    ['postgres://h:5432x/a', /no port/],
    ['postgres://fdaa::3/a', /brackets/],
    ['postgres://[fdaa::3/a', /no port|cannot be read/],
    ['postgres://[nonsense]/a', /cannot be read/],
    ['postgres://h/a?port=0x10', /from its query or from PGPORT/],
    ['postgres://h<1>/a', /cannot be read/],
    ['postgres:///a', /no host/],
    ['postgres://u:secret@/a', /no host/],
    ['postgres://', /no host/],
    ['postgres://h1,h2/a', /several hosts/],
    ['postgres://h1:5432,h2:5432/a', /several hosts/],
    ['postgres://u:secret@h1:1,h2:2/a', /several hosts/],
    ['postgres:///a?host=/tmp,/var', /several hosts/],
  ]
  test.each(cases)('%j', (url, message) => {
    const error = refusal(url)
    expect(error).toMatchObject({ code: 'NEAREST_BAD_URL', option: 'primary' })
    expect(error.message).toMatch(/^primary /)
    expect(error.message).toMatch(message)
    expect(inspect(error)).not.toMatch(/secret|cret@/)
  })

  test('a comma in the password is not a list of hosts', () => {
    expect(parse('postgres://u:a,b@h/a').host).toBe('h')
  })

  test('PGPORT is checked where it is used, and only there', () => {
    expect(refusal('postgres://h/a', { PGPORT: 'tcp://10.0.0.1' }).message).toMatch(/PGPORT/)
    expect(parse('postgres://h:5432/a', { PGPORT: 'tcp://10.0.0.1' }).port).toBe(5432)
  })
})

describe('sameServer', () => {
  const cases: readonly (readonly [a: string, b: string, same: boolean])[] = [
    ['postgres://u:1@h/a', 'postgresql://v:2@h:5432/a', true],
    ['postgres://H.Example.COM./a', 'postgres://h.example.com/a', true],
    ['postgres://[fdaa:0::3]/a', 'postgres://[FDAA::3]/a', true],
    ['postgres://h/a', 'postgres://h:5433/a', false],
    ['postgres://h/a', 'postgres://h/b', false],
    ['postgres://h/a', 'postgres://h/A', false],
    ['postgres://h/a', 'postgres://h2/a', false],
    ['postgres://%2Ftmp/a', 'postgres:///a?host=/tmp/', true],
    ['postgres://%2Ftmp/a', 'postgres://%2FTMP/a', false],
  ]
  test.each(cases)('%s and %s: %j', (a, b, same) => {
    expect(sameServer(parse(a), parse(b))).toBe(same)
    expect(sameServer(parse(b), parse(a))).toBe(same)
  })
})

/** Texts of these characters. */
const of = (characters: string): fc.Arbitrary<string> => fc.string({ unit: fc.constantFrom(...Array.from(characters)) })

/** Letters in front, so that no cut makes it look like a port; characters that cut a URL in between. */
const secret = fc
  .tuple(fc.stringMatching(/^zq[0-9a-f]{8}$/), of('@/?#%:[]\\ ,=&;"\u0001\u0000é😀'))
  .map(([word, breaker]) => ({ word, text: `${word}${breaker}${word}` }))

/** URLs with a password, and what a person makes of them by mistake. */
function shapes(text: string): readonly string[] {
  return [
    `postgres://u:${text}@h:5432/app`,
    `postgres://u:${text}@/app`,
    `postgres://u:${text}@h1,h2/app`,
    `postgres://u:${text}@h:99999/app`,
    `postgres://u:${text}@h/app?password=${text}`,
    `mysql://u:${text}@h/app`,
    `u:${text}@h/app`,
    text,
  ]
}

function outcome(url: unknown): unknown {
  try {
    return parse(url)
  } catch (error) {
    return error
  }
}

describe('for any text', () => {
  test('nothing but an OptionError is thrown', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      of('postgres://@:%2F[]?#&=,a1. ').map((tail) => `postgres://${tail}`),
      fc.webUrl(),
      fc.anything(),
    )
    let taken = 0
    fc.assert(
      fc.property(text, (url) => {
        const result = outcome(url)
        if (!(result instanceof Error)) taken += 1
        expect(result).toMatchObject(result instanceof Error ? { code: 'NEAREST_BAD_URL', option: 'primary' } : { url })
      }),
      { numRuns: 2_000 },
    )
    expect(taken).toBeGreaterThan(10)
  })

  test('a password is in no error and in nothing that can be printed', () => {
    fc.assert(
      fc.property(secret, ({ word, text }) => {
        for (const result of shapes(text).map(outcome)) {
          const { message, stack, cause } = result instanceof Error ? result : new Error('taken')
          const printed = [
            message,
            stack,
            cause,
            String(result),
            inspect(result, { showHidden: true, getters: true, depth: 9 }),
            JSON.stringify(result),
            JSON.stringify(Object.assign({}, result)),
          ]
          expect(printed.join('\n')).not.toContain(word)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('a URL that is taken leads pg to the same place', () => {
    const name = of('abcZ0-_.é@:/?#[]%+ ').filter((text) => text !== '')
    const host = fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((ip) => `[${ip}]`),
      fc.constant('%2Ftmp%2Fpg'),
    )
    const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined })
    fc.assert(
      fc.property(
        name,
        name,
        host,
        port,
        fc.stringMatching(/^[a-zé_]{1,8}$/),
        (user, password, where, at, database) => {
          const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`
          const url = `postgres://${login}@${where}${at === undefined ? '' : `:${at}`}/${encodeURIComponent(database)}`
          const address = parse(url)
          const client = new Client({ connectionString: url })
          expect(client).toMatchObject({
            host: address.host,
            port: address.port,
            user: address.user,
            database: address.database,
          })
          expect(client).toMatchObject({ user, password, database })
        },
      ),
    )
  })

  test('a URL cut in pieces joins to the same text', () => {
    const tail = of('ab1@:/?[]%&=#')
    fc.assert(
      fc.property(tail, (text) => {
        const parts = splitUrl(`postgresql://${text}`)
        fc.pre(parts !== undefined)
        expect(joinUrl(parts)).toBe(`postgresql://${text}`)
      }),
    )
  })
})
