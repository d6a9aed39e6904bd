import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { closestName } from '../../src/error-messages/closest-name.ts'
import { isOptionError } from '../../src/errors.ts'
import type { OptionError } from '../../src/errors.ts'
import { parsePoolOptions } from '../../src/options/parse-pool-options.ts'
import type { ParsedOptions } from '../../src/options/parse-pool-options.ts'
import type { NearestPoolOptions } from '../../src/options/pool-options.ts'

const primary = 'postgres://u:secret@nrt-host/app'

const log = (): void => {}

/** As a caller without types would. */
function parseAnything(options: unknown): ParsedOptions {
  return Reflect.apply(parsePoolOptions, undefined, [options, {}])
}

function outcome(options: unknown): unknown {
  try {
    return parseAnything(options)
  } catch (error) {
    return error
  }
}

function refusal(options: unknown): OptionError {
  const result = outcome(options)
  if (isOptionError(result)) return result
  throw new Error('not refused', { cause: result })
}

const names = (options: NearestPoolOptions): string[] => parsePoolOptions(options, {}).servers.map(({ name }) => name)

describe('the list of servers', () => {
  test('a plain URL is one primary without a region', () => {
    const { servers, findRegion } = parsePoolOptions({ primary }, {})
    expect(findRegion(['nrt']).region).toBeUndefined()
    expect(servers).toMatchObject([{ name: 'primary', region: undefined, declared: 'primary' }])
    expect(servers[0]?.address.url).toBe(primary)
  })

  test('the primary is first, and a further server of a region is numbered', () => {
    const options = {
      primary: { region: 'nrt', url: primary },
      replicas: { ord: ['postgres://o1/app', 'postgres://o2/app'], nrt: 'postgres://n2/app', syd: 'postgres://s/app' },
    }
    expect(names(options)).toEqual(['nrt', 'ord', 'ord#2', 'nrt#2', 'syd'])
    expect(parsePoolOptions(options, {}).servers.map(({ address }) => address.host)).toEqual([
      'nrt-host',
      'o1',
      'o2',
      'n2',
      's',
    ])
  })

  test('regions are compared and kept in lower case', () => {
    const parsed = parsePoolOptions(
      { region: 'ORD', primary: { region: 'NRT', url: primary }, replicas: { Ord: 'postgres://o/app' } },
      {},
    )
    expect(parsed.findRegion([]).region).toBe('ord')
    expect(parsed.servers.map(({ region }) => region)).toEqual(['nrt', 'ord'])
  })

  test('a region with an awkward name is a region like any other', () => {
    expect(names({ primary, replicas: { constructor: 'postgres://c/app', primary: 'postgres://p/app' } })).toEqual([
      'primary',
      'constructor',
      'primary#2',
    ])
    expect(Object.keys(Object.prototype)).toEqual([])
  })

  test('no replicas, an empty object and undefined are one database', () => {
    for (const replicas of [undefined, {}]) expect(names({ primary, replicas })).toEqual(['primary'])
  })

  test('two users on one host are two servers, because some poolers choose by the user', () => {
    expect(names({ primary, replicas: { ord: 'postgres://u-replica:secret@nrt-host/app' } })).toEqual([
      'primary',
      'ord',
    ])
  })
})

describe('the other options', () => {
  test('defaults', () => {
    expect(parsePoolOptions({ primary }, {})).toMatchObject({
      pgOptions: {},
      probeIntervalMs: 500,
      probeTimeoutMs: 1_200,
      connectTimeoutMs: 5_000,
      learnedStatements: 10_000,
    })
  })

  test("pg's own go through, ours and undefined ones do not", () => {
    const given = {
      max: 3,
      idleTimeoutMillis: null,
      ssl: { rejectUnauthorized: false },
      statement_timeout: false,
      keepAlive: true,
    } as const
    const parsed = parsePoolOptions(
      { primary, region: 'ord', probeIntervalMs: 50, learnedStatements: 0, min: undefined, ...given },
      {},
    )
    expect(parsed.pgOptions).toStrictEqual(given)
    expect(parsed).toMatchObject({ probeIntervalMs: 50, learnedStatements: 0 })
  })

  test('an option that names one server may be there if it is undefined', () => {
    expect(parseAnything({ primary, host: undefined, password: undefined }).pgOptions).toStrictEqual({})
  })

  test('functions and objects are the ones that were given', () => {
    const types = { getTypeParser: (): unknown => undefined }
    expect(
      parseAnything({ primary, log, types, onConnect: log, verify: log, stream: log, Promise }).pgOptions,
    ).toStrictEqual({
      log,
      types,
      onConnect: log,
      verify: log,
      stream: log,
      Promise,
    })
  })
})

describe('query_timeout in URLs', () => {
  const replica = 'postgres://u:secret@ord-host/app'
  test.each<[of: object, timeoutMs: unknown]>([
    [{ primary: `${primary}?query_timeout=250` }, 250],
    [{ primary: `${primary}?query_timeout=250`, query_timeout: 500 }, 250],
    [{ primary: `${primary}?query_timeout=0`, query_timeout: 500 }, 500],
    [{ primary: `${primary}?query_timeout=`, query_timeout: '500' }, '500'],
    [{ primary }, undefined],
    [{ primary: `${primary}?query_timeout=250`, replicas: { ord: `${replica}?query_timeout=250` } }, 250],
    [{ primary: `${primary}?query_timeout=250`, replicas: { ord: replica } }, 250],
    [{ primary, replicas: { ord: `${replica}?query_timeout=500` }, query_timeout: '500' }, '500'],
  ])('%j: %j', (options, timeoutMs) => {
    expect(parseAnything(options).pgOptions.query_timeout).toBe(timeoutMs)
  })

  test.each<[of: object, message: RegExp]>([
    [
      { primary: `${primary}?query_timeout=5s` },
      /must be .*a number of milliseconds .*, but it is something else in the URL of primary/,
    ],
    [
      { primary: `${primary}?query_timeout=-1` },
      /must be .*a number of milliseconds .*, but it is something else in the URL of primary/,
    ],
    [
      { primary: `${primary}?query_timeout=2147483648` },
      /must be .*a number of milliseconds .*, but it is something else in the URL of primary/,
    ],
    [{ primary, replicas: { ord: `${replica}?query_timeout=500` } }, /URL of ord says query_timeout=500/],
    [
      { primary: `${primary}?query_timeout=250`, replicas: { ord: `${replica}?query_timeout=500` } },
      /holds for the pool/,
    ],
  ])('%j is refused', (options, message) => {
    expect(refusal(options)).toMatchObject({
      option: 'query_timeout',
      message: expect.stringMatching(message) as unknown,
    })
  })
})

describe('what is refused, with what to do', () => {
  const o = 'postgres://o/app'
  const cases: readonly (readonly [what: string, options: unknown, option: string, message: RegExp])[] = [
    ['nothing', undefined, 'options', /must be an object/],
    ['a URL alone', primary, 'options', /must be an object/],
    ['a list', [primary], 'options', /a list/],
    ['no primary', {}, 'primary', /missing/],
    ['an empty primary', { primary: '' }, 'primary', /empty.*environment variable/],
    ['two primaries', { primary: [primary, o] }, 'primary', /exactly one/],
    ['two URLs for the primary', { primary: { url: [primary, o] } }, 'primary.url', /exactly one/],
    ['a primary without a URL', { primary: { region: 'nrt' } }, 'primary.url', /undefined.*environment variable/],
    ['an empty URL', { primary: { region: 'nrt', url: '' } }, 'primary.url', /empty.*environment variable/],
    ['a mistyped part of primary', { primary: { regoin: 'nrt', url: primary } }, 'primary', /Did you mean region\?/],
    ['a number as primary', { primary: 5432 }, 'primary', /a number/],
    ['a primary that is a URL object', { primary: new URL(primary) }, 'primary', /an object/],
    ['an empty region of the primary', { primary: { region: '', url: primary } }, 'primary.region', /empty/],
    ['a region with white space', { primary, region: 'ord ' }, 'region', /white space/],
    ['an empty region', { primary, region: '' }, 'region', /undefined/],
    ['a long region', { primary, region: 'a'.repeat(33) }, 'region', /no region code/],
    ['a URL as region', { primary, region: primary }, 'region', /not repeated/],
    ['replicas as a list', { primary, replicas: [o] }, 'replicas', /object of region to URL.*a list/],
    ['replicas as a Map', { primary, replicas: new Map([['ord', o]]) }, 'replicas', /an object/],
    ['replicas as null', { primary, replicas: null }, 'replicas', /null/],
    ['replicas behind __proto__', { primary, replicas: { __proto__: { ord: o } } }, 'replicas', /must be an object/],
    ['__proto__ as a region', { primary, replicas: JSON.parse(`{"__proto__":"${o}"}`) }, 'replicas', /no region code/],
    [
      'a region named twice',
      { primary, replicas: { ord: o, ORD: 'postgres://p/app' } },
      'replicas.ORD',
      /a second time.*one list/,
    ],
    [
      'a region with white space',
      { primary, replicas: { ord: o, ' ord': 'postgres://p/app' } },
      'replicas',
      /white space/,
    ],
    ['a URL for a region', { primary, replicas: { [primary]: 'ord' } }, 'replicas', /not repeated/],
    [
      'no URL for a region',
      { primary, replicas: { ord: undefined } },
      'replicas.ord',
      /undefined.*environment variable/,
    ],
    ['an empty URL for a region', { primary, replicas: { ord: '' } }, 'replicas.ord', /empty.*environment variable/],
    ['an empty list', { primary, replicas: { ord: [] } }, 'replicas.ord', /empty list/],
    ['an empty URL in a list', { primary, replicas: { ord: [o, ''] } }, 'replicas.ord[1]', /empty/],
    // oxlint-disable-next-line no-sparse-arrays -- a hole is what is tested
    ['a hole in a list', { primary, replicas: { ord: [, o] } }, 'replicas.ord[0]', /undefined/],
    [
      'a URL twice in a list',
      { primary, replicas: { ord: [o, o] } },
      'replicas.ord[1]',
      /same server as replicas\.ord\[0\]/,
    ],
    [
      'a URL in two regions',
      { primary, replicas: { ord: o, syd: 'postgres://O.:5432/app' } },
      'replicas.syd',
      /same server as replicas\.ord/,
    ],
    ["the primary's own URL", { primary, replicas: { ord: primary } }, 'replicas.ord', /the primary's own URL/],
    [
      "the primary's own URL in its region",
      { primary: { region: 'nrt', url: primary }, replicas: { nrt: [o, 'postgres://u:other@NRT-host:5432/app'] } },
      'replicas.nrt[1]',
      /the primary's own URL/,
    ],
    ['a mistyped option', { primary, replica: {} }, 'replica', /Did you mean replicas\?/],
    ['another mistyped option', { primary, maxx: 3 }, 'maxx', /Did you mean max\?/],
    ['an option by its unit', { primary, idleTimeoutMs: 3 }, 'idleTimeoutMs', /Did you mean idleTimeoutMillis\?/],
    ['a mistyped consistency', { primary, consistency: 'evntual' }, 'consistency', /but it is "evntual"\./],
    ['another word as consistency', { primary, consistency: 'foo' }, 'consistency', /but it is "foo"\./],
    [
      'a wrong name in consistency',
      { primary, consistency: { maxStaleness: 5 } },
      'consistency',
      /but it has "maxStaleness"\./,
    ],
    [
      'one name too many in consistency',
      { primary, consistency: { maxStalenessMs: 5, for: 'foo' } },
      'consistency',
      /but it has "for"\./,
    ],
    [
      'a wrong value in consistency',
      { primary, consistency: { maxStalenessMs: '5' } },
      'consistency',
      /but it has a string as maxStalenessMs\./,
    ],
    ['a URL in consistency', { primary, consistency: { [primary]: 5 } }, 'consistency', /that is not repeated here\./],
    ['an empty consistency', { primary, consistency: {} }, 'consistency', /but it is an object\./],
    ['a word as cluster', { primary, cluster: 'abc' }, 'cluster', /but it is "abc"\./],
    ['a URL as cluster', { primary, cluster: primary }, 'cluster', /but it is a string\./],
    ['a URL as consistency', { primary, consistency: primary }, 'consistency', /but it is a string\./],
    ['a shortened option', { primary, idleTimeout: 3 }, 'idleTimeout', /Did you mean idleTimeoutMillis\?/],
    [
      'an option in camel case',
      { primary, statementTimeout: 3 },
      'statementTimeout',
      /Did you mean statement_timeout\?/,
    ],
    ['an option like no other', { primary, zzz: 1 }, 'zzz', /It takes region, primary, replicas/],
    ['a name from every object', { primary, toString: 1 }, 'toString', /no option/],
    ['a URL as an option', { primary, [primary]: 1 }, 'options', /not repeated/],
    ['connectionString', { primary, connectionString: o }, 'connectionString', /primary/],
    ['host', { primary, host: 'h' }, 'host', /primary/],
    ['password', { primary, password: 'secret' }, 'password', /primary/],
    ['Client', { primary, Client: Object }, 'Client', /makes the connections/],
    ['max as a text', { primary, max: '10' }, 'max', /whole number of at least 1, but it is a string/],
    ['max of none', { primary, max: 0 }, 'max', /at least 1, but it is 0/],
    ['half a connection', { primary, max: 1.5 }, 'max', /whole number/],
    ['NaN', { primary, max: NaN }, 'max', /whole number.*NaN/],
    ['min above max', { primary, min: 4, max: 3 }, 'min', /more than max \(3\)/],
    ['min above the default of max', { primary, min: 11 }, 'min', /more than max \(10\)/],
    ['probing too often', { primary, probeIntervalMs: 49 }, 'probeIntervalMs', /from 50 /],
    ['an endless probe', { primary, probeTimeoutMs: Infinity }, 'probeTimeoutMs', /milliseconds from 1 /],
    ['no time to connect', { primary, connectTimeoutMs: 0 }, 'connectTimeoutMs', /from 1 /],
    ['a timer that would fire at once', { primary, connectTimeoutMs: 2 ** 31 }, 'connectTimeoutMs', /2147483647/],
    ['half a learned statement', { primary, learnedStatements: 0.5 }, 'learnedStatements', /whole number/],
    ['a time-out as a text', { primary, statement_timeout: '5s' }, 'statement_timeout', /false, or a number/],
    ['a time-out of queries with a unit', { primary, query_timeout: '5s' }, 'query_timeout', /false, or a number/],
    ['ssl as a text', { primary, ssl: 'require' }, 'ssl', /true, false, or an object/],
    ['a flag as a number', { primary, pipeline: 1 }, 'pipeline', /true or false, but it is 1/],
    ['preparing before the first use', { primary, prepare: 0 }, 'prepare', /false, or a whole number of at least 1/],
    ['preparing always', { primary, prepare: true }, 'prepare', /false, or a whole number of at least 1/],
    ['types without a parser', { primary, types: {} }, 'types', /getTypeParser/],
    ['log as a text', { primary, log: 'debug' }, 'log', /a function/],
    ['a wrong sslnegotiation', { primary, sslnegotiation: 'tls' }, 'sslnegotiation', /"direct"/],
  ]
  test.each(cases)('%s', (_what, options, option, message) => {
    const error = refusal(options)
    expect(error.option).toBe(option)
    expect(error.message).toMatch(message)
    expect(error.code).toMatch(/^NEAREST_BAD_(?:OPTION|URL)$/)
    expect(inspect(error)).not.toContain('secret')
  })

  test('for any options, nothing but an OptionError is thrown', () => {
    const name = fc.oneof(
      fc.constantFrom('region', 'primary', 'replicas', 'max', 'ssl', '__proto__', 'constructor'),
      fc.string(),
    )
    const value = fc.oneof(
      fc.anything({ withNullPrototype: true }),
      fc.constant(primary),
      fc.dictionary(name, fc.constant(primary)),
    )
    fc.assert(
      fc.property(fc.oneof(fc.dictionary(name, value), fc.anything()), (options) => {
        const result = outcome(options)
        expect(isOptionError(result) || Reflect.has(Object(result), 'servers')).toBe(true)
        // What is meant for pg alone, such as the keys of `ssl`, is passed on as it is, and printed by nobody.
        const ours = isOptionError(result) ? result : { ...Object(result), pgOptions: undefined }
        expect(inspect(ours, { depth: 9 })).not.toContain('secret')
      }),
      { numRuns: 2_000 },
    )
  })
})

test('parsed options can be printed', () => {
  const parsed = parsePoolOptions({ primary, replicas: { ord: 'postgres://u:secret@o/app' } }, {})
  expect(inspect(parsed, { depth: 9, showHidden: true })).not.toContain('secret')
  expect(inspect(parsed, { depth: 9 })).toContain('nrt-host:5432/app')
  expect(JSON.stringify(parsed)).not.toContain('secret')
})

describe('closestName', () => {
  const known = ['region', 'primary', 'replicas', 'max', 'min', 'statement_timeout', 'idleTimeoutMillis']
  const cases: readonly (readonly [wrong: string, closest: string | undefined])[] = [
    ['Region', 'region'],
    ['regoin', 'region'],
    ['primry', 'primary'],
    ['statementTimeout', 'statement_timeout'],
    ['idleTimeout', 'idleTimeoutMillis'],
    ['mx', 'max'],
    ['consistency', undefined],
    ['', undefined],
    ['__', undefined],
    ['r'.repeat(10_000), undefined],
  ]
  test.each(cases)('%s: %s', (wrong, closest) => {
    expect(closestName(wrong, known)).toBe(closest)
  })

  test('two letters swapped anywhere are understood', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 6 }), (at) => {
        const word = 'replicas'
        const swapped = word.slice(0, at) + word.charAt(at + 1) + word.charAt(at) + word.slice(at + 2)
        expect(closestName(swapped, known)).toBe(word)
      }),
    )
  })
})
