import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ListedServer } from '../../src/discovery/listed-server.ts'
import { isOptionError, type OptionError } from '../../src/errors.ts'
import { parseServerList } from '../../src/server-list/parse-server-list.ts'

const URL_OF_PRIMARY = 'postgres://ada:the-secret@h:5433/app'

function parse(primary: unknown, replicas?: unknown, pgOptions = {}): readonly ListedServer[] {
  return parseServerList(primary, replicas, { pgOptions, env: {} })
}

function refusal(primary: unknown, replicas?: unknown): OptionError {
  try {
    parse(primary, replicas)
  } catch (error) {
    if (isOptionError(error)) return error
    throw error
  }
  throw new Error('the list was taken')
}

const shown = ({ name, declared, address }: ListedServer): string =>
  `${name} ${declared} ${address.user ?? '-'}@${address.label}`

describe('what an entry says', () => {
  const password = (): string => 'another-secret'
  const cases: readonly (readonly [what: string, primary: unknown, replicas: unknown, expected: readonly string[]])[] =
    [
      ['an object', { host: 'h', user: 'ada', database: 'app' }, undefined, ['primary primary ada@h:5432/app']],
      ['a port as a text', { host: 'h', port: '6000' }, undefined, ['primary primary -@h:6000']],
      ['an IPv6 address', { host: 'fdaa::3', port: 6000 }, undefined, ['primary primary -@[fdaa::3]:6000']],
      ['brackets', { host: '[fdaa::3]:6000' }, undefined, ['primary primary -@[fdaa::3]:6000']],
      ['a socket', { host: '/var/run' }, undefined, ['primary primary -@/var/run:5432']],
      ['connectionString', { connectionString: 'postgres://u@h/app' }, undefined, ['primary primary u@h:5432/app']],
      [
        'what a URL lacks',
        { url: 'postgres://h', user: 'u', database: 'd', port: 1 },
        undefined,
        ['primary primary u@h:1/d'],
      ],
      ['a stream', { stream: password, user: 'u' }, undefined, ['primary primary u@primary:5432/u']],
      [
        'a bare host',
        URL_OF_PRIMARY,
        { ord: 'db2.internal' },
        ['primary primary ada@h:5433/app', 'ord replica ada@db2.internal:5433/app'],
      ],
      [
        'a bare host and port',
        URL_OF_PRIMARY,
        { ord: 'db2:6000' },
        ['primary primary ada@h:5433/app', 'ord replica ada@db2:6000/app'],
      ],
      [
        'a host with a user',
        URL_OF_PRIMARY,
        { ord: [{ host: 'o', user: 'eve' }] },
        ['primary primary ada@h:5433/app', 'ord replica eve@o:5433/app'],
      ],
      [
        'its own region',
        URL_OF_PRIMARY,
        { ord: { region: 'ORD', host: 'o' } },
        ['primary primary ada@h:5433/app', 'ord replica ada@o:5433/app'],
      ],
      [
        'two streams',
        { stream: password },
        { ord: [{ stream: password }, { stream: password }] },
        ['primary primary -@primary:5432', 'ord replica -@replicas.ord.0:5432', 'ord#2 replica -@replicas.ord.1:5432'],
      ],
      [
        'several hosts',
        'postgres://u:p,q@h1:1,h2,[::1]:3/db',
        undefined,
        ['primary primary u@h1:1/db', 'primary#2 replica u@h2:5432/db', 'primary#3 replica u@[::1]:3/db'],
      ],
      [
        'several hosts in a region',
        { region: 'nrt', url: 'postgres://u@h1,h2/db' },
        undefined,
        ['nrt primary u@h1:5432/db', 'nrt#2 replica u@h2:5432/db'],
      ],
      [
        'several hosts in the query',
        'postgres://u@/db?host=h1,h2&port=1,2',
        undefined,
        ['primary primary u@h1:1/db', 'primary#2 replica u@h2:2/db'],
      ],
      [
        'one port for all',
        'postgres://u@/db?host=h1%2Ch2&port=7',
        undefined,
        ['primary primary u@h1:7/db', 'primary#2 replica u@h2:7/db'],
      ],
      [
        'several hosts beside each other',
        { host: 'h1,h2:2', port: 1 },
        undefined,
        ['primary primary -@h1:1', 'primary#2 replica -@h2:2'],
      ],
      [
        'several replicas',
        URL_OF_PRIMARY,
        { ord: 'postgres://u@h1,h2/db?target_session_attrs=prefer-standby' },
        ['primary primary ada@h:5433/app', 'ord replica u@h1:5432/db', 'ord#2 replica u@h2:5432/db'],
      ],
    ]
  test.each(cases)('%s', (_, primary, replicas, expected) => {
    expect(parse(primary, replicas).map(shown)).toEqual(expected)
  })

  test('further hosts of the primary’s URL are candidates for it, and a region’s are not', () => {
    const servers = parse('postgres://h1,h2/db', { ord: 'postgres://h3,h4/db' })
    expect(servers.map(({ candidate }) => candidate)).toEqual([false, true, false, false])
  })

  test('a host alone has all from the primary but the stream; a URL has nothing', () => {
    const ssl = { ca: 'ours' }
    const primary = { url: `${URL_OF_PRIMARY}?application_name=x`, password, ssl, options: '-c a=b', stream: password }
    const [, bare, own] = parse(primary, { ord: { host: 'o', ssl: false }, syd: 'postgres://s/app' })
    expect(bare?.login).toMatchObject({ password, settings: { ssl: false, options: '-c a=b' } })
    expect(bare?.login.settings.stream).toBeUndefined()
    expect(bare?.login.address.url).toContain('application_name=x')
    expect(own?.login).toMatchObject({ password: undefined, settings: {} })
  })

  test('what stands beside a URL counts, and is taken out of it', () => {
    const [server] = parse({
      url: `${URL_OF_PRIMARY}?options=-c&application_name=x&keepAlive=1`,
      application_name: 'y',
    })
    expect(server?.login.address.url).toBe(`${URL_OF_PRIMARY}?options=-c&keepAlive=1`)
    expect(server?.login.settings).toEqual({ application_name: 'y' })
  })

  test('no secret is in what can be printed, copied or turned into JSON', () => {
    const servers = parse(
      { url: URL_OF_PRIMARY },
      { ord: { host: 'o', password: 'another-secret', ssl: { key: 'a-secret-key' } } },
    )
    for (const text of [
      inspect(servers, { depth: 9, showHidden: true }),
      JSON.stringify(servers),
      JSON.stringify(servers.map((each) => ({ ...each }))),
    ]) {
      expect(text).not.toMatch(/secret/)
    }
    expect(servers[1]?.login.password).toBe('another-secret')
  })
})

describe('ssl that sslmode overrides', () => {
  test.each<[ssl: unknown, query: string, overridden: boolean]>([
    [undefined, 'sslmode=require', false],
    [true, '', false],
    [true, 'sslmode=require', false],
    [false, 'sslmode=disable', false],
    [true, 'sslmode=disable', true],
    [true, 'sslmode=no-verify', true],
    [false, 'sslmode=require', true],
    [{ rejectUnauthorized: false }, 'sslmode=require', true],
    [{ ca: 'x' }, 'application_name=x', false],
    [{ ca: 'x' }, 'sslrootcert=/x', true],
  ])('%j beside ?%s: %j', (ssl, query, overridden) => {
    const url = `postgres://h/app?${query}`
    expect(parse({ url, ssl })[0]?.sslIsOverridden, 'of the entry').toBe(overridden)
    expect(parse(url, undefined, { ssl })[0]?.sslIsOverridden, 'of the pool').toBe(overridden)
  })

  test('the entry’s own ssl does not lose against the primary’s URL', () => {
    const [, ord] = parse('postgres://h/app?sslmode=disable', { ord: { host: 'o', ssl: { ca: 'x' } } })
    expect(ord).toMatchObject({ sslIsOverridden: false, login: { address: { url: 'postgres://h/app' } } })
  })
})

describe('what is refused, with what to do', () => {
  const p = URL_OF_PRIMARY
  const cases: readonly (readonly [
    what: string,
    primary: unknown,
    replicas: unknown,
    option: string,
    message: RegExp,
  ])[] = [
    ['a typo', { hots: 'h' }, undefined, 'primary', /no option "hots".*Did you mean host\?/],
    ['a typo in a list', p, { ord: [{ host: 'o', lables: [] }] }, 'replicas.ord[0]', /Did you mean labels\?/],
    [
      'an option of the pool',
      p,
      { ord: { host: 'o', idleTimeoutMillis: 5 } },
      'replicas.ord',
      /idleTimeoutMillis holds for the whole pool/,
    ],
    ['a name like no other', { zzz: 1 }, undefined, 'primary', /It takes region, url/],
    ['a weight below 0', p, { ord: { host: 'o', weight: -1 } }, 'replicas.ord.weight', /at least 0.*but it is -1/],
    ['an infinite weight', p, { ord: { host: 'o', weight: Infinity } }, 'replicas.ord.weight', /at least 0/],
    ['a label alone', p, { ord: { host: 'o', labels: 'reporting' } }, 'replicas.ord.labels', /a list of texts/],
    ['a label that is none', p, { ord: { host: 'o', labels: [''] } }, 'replicas.ord.labels', /a list of texts/],
    ['a wrong max', p, { ord: { host: 'o', max: 0 } }, 'replicas.ord.max', /whole number/],
    ['a wrong port', { host: 'h', port: 'x' }, undefined, 'primary.port', /1 to 65535/],
    [
      'a password that is a promise',
      { host: 'h', password: Promise.resolve('the-secret') },
      undefined,
      'primary.password',
      /a function that returns one/,
    ],
    ['ssl as a text', { host: 'h', ssl: 'require' }, undefined, 'primary.ssl', /true, false, or an object/],
    ['a host that is not set', { host: undefined, user: 'u' }, undefined, 'primary.host', /environment variable/],
    ['a URL for a host', { host: 'postgres://u:the-secret@h/a' }, undefined, 'primary.host', /alone/],
    ['no host at all', p, { ord: { user: 'u' } }, 'replicas.ord.url', /environment variable/],
    ['a bare host as primary', 'db.internal', undefined, 'primary', /does not begin with postgres/],
    ['two hosts', { url: p, host: 'other' }, undefined, 'primary.host', /say two things/],
    ['two users', { url: p, user: 'eve' }, undefined, 'primary.user', /say two things/],
    ['two ports', { url: p, port: 5432 }, undefined, 'primary.port', /say two things/],
    ['two databases', { url: p, database: 'other' }, undefined, 'primary.database', /say two things/],
    ['two URLs', { url: p, connectionString: p }, undefined, 'primary.connectionString', /say two things/],
    [
      'another region',
      p,
      { ord: { region: 'syd', host: 'o' } },
      'replicas.ord.region',
      /is syd, but the entry stands under ord/,
    ],
    [
      'one server in two regions',
      p,
      { ord: 'o', syd: { host: 'o' } },
      'replicas.syd',
      /same server as replicas\.ord, in another region/,
    ],
    [
      'one server with other labels',
      p,
      { ord: ['o', { host: 'o', labels: ['a'] }] },
      'replicas.ord[1]',
      /other labels/,
    ],
    [
      'one server with another weight',
      p,
      { ord: [{ host: 'o', weight: 2 }, 'o'] },
      'replicas.ord[1]',
      /another weight/,
    ],
    ['a URL as the user', p, { ord: { host: 'o', user: p } }, 'replicas.ord.user', /a name alone, and no URL/],
    ['a URL as the database', { host: 'h', database: p }, undefined, 'primary.database', /a name alone, and no URL/],
    // oxlint-disable-next-line no-sparse-arrays -- that is the mistake
    ['a hole among the labels', p, { ord: { host: 'o', labels: [, 'a'] } }, 'replicas.ord.labels', /a list of texts/],
    ['a list as ssl', p, { ord: { host: 'o', ssl: ['the-secret'] } }, 'replicas.ord.ssl', /but it is a list/],
    [
      'a mistyped option of ssl',
      p,
      { ord: { host: 'o', ssl: { rejectUnauthorised: false, key: 'the-secret' } } },
      'replicas.ord.ssl',
      /tls\.connect, but it has "rejectUnauthorised": rejectUnauthorized is misspelled\.$/,
    ],
    ['the primary again', p, { ord: 'h' }, 'replicas.ord', /the primary's own URL/],
    ['one host twice', 'postgres://h1,h1/a', undefined, 'primary', /names one host twice/],
    ['a gap between hosts', 'postgres://h1,,h2/a', undefined, 'primary', /a gap/],
    ['too few ports', 'postgres:///a?host=h1,h2,h3&port=1,2', undefined, 'primary', /3 hosts and 2 ports/],
    ['a wrong port among several', 'postgres://h1:1,h2:x/a', undefined, 'primary', /no port/],
    [
      'a primary on standbys',
      'postgres://h1,h2/a?target_session_attrs=standby',
      undefined,
      'primary',
      /the primary takes the writes/,
    ],
    [
      'a primary that is only read from',
      { url: 'postgres://h/a?target_session_attrs=read-only' },
      undefined,
      'primary.url',
      /the primary takes the writes/,
    ],
    [
      'replicas that write',
      p,
      { ord: 'postgres://h1,h2/a?target_session_attrs=read-write' },
      'replicas.ord',
      /replicas are read from/,
    ],
    [
      'a mistyped attribute',
      'postgres://h/a?target_session_attrs=readwrite',
      undefined,
      'primary',
      /Did you mean read-write\?/,
    ],
    ['a wrong balancing', 'postgres://h/a?load_balance_hosts=yes', undefined, 'primary', /It may be disable, random/],
  ]
  test.each(cases)('%s', (_, primary, replicas, option, message) => {
    const error = refusal(primary, replicas)
    expect(error.option).toBe(option)
    expect(error.message).toMatch(message)
    expect(error.code).toMatch(/^NEAREST_BAD_(?:OPTION|URL)$/)
    expect(inspect(error)).not.toContain('the-secret')
  })

  test('min above a server’s own max', () => {
    expect(() => parse(p, { ord: { host: 'o', max: 1 } }, { min: 2 })).toThrow('more than the max of replicas.ord (1)')
  })

  test('for any entry, nothing but an OptionError is thrown, and no secret is in it', () => {
    const name = fc.constantFrom(
      'url',
      'host',
      'port',
      'user',
      'database',
      'password',
      'ssl',
      'stream',
      'weight',
      'labels',
      'max',
      'region',
      'x',
    )
    const value = fc.oneof(
      fc.anything(),
      fc.constantFrom(p, 'h1,h2', '::1', 'postgres://a:the-secret@h1,h2:2/x', 3, ['a']),
    )
    const entry = fc.oneof(fc.dictionary(name, value), value)
    fc.assert(
      fc.property(entry, entry, (primary, replica) => {
        try {
          expect(inspect(parse(primary, { ord: replica }), { depth: 9 })).not.toContain('the-secret')
        } catch (error) {
          expect(isOptionError(error)).toBe(true)
          expect(inspect(error)).not.toContain('the-secret')
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
