import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dns, type DnsOptions } from '../../src/dns/index.ts'
import { isOptionError } from '../../src/errors.ts'
import { addressesIn, regionsIn, targetsIn } from '../../src/discovery/parse-dns-answers.ts'
import { resolveAddresses, type DnsResolver } from '../../src/discovery/dns-resolver.ts'
import { afterAnswer, type AnsweredAddresses, type ResolvedAddresses } from '../../src/discovery/resolved-addresses.ts'
import { refreshInterval } from '../../src/discovery/dns-refresh-interval.ts'
import { discoverMachines } from '../../src/fly/discover-machines.ts'
import { parseServerList } from '../../src/server-list/parse-server-list.ts'

describe('what an answer says', () => {
  test.each([
    [[['nrt,ord,syd']], ['nrt', 'ord', 'syd']],
    [[['nrt,o', 'rd']], ['nrt', 'ord']],
    [[['nrt,nrt']], ['nrt']],
    [[['']], undefined],
    [[['nrt,']], undefined],
    [[['nrt,o\0d']], undefined],
    [[['NRT']], undefined],
    [[['nrt'], ['ord']], undefined],
    [[], undefined],
    [['nrt'], undefined],
    [undefined, undefined],
  ])('regions in %j', (records, regions) => {
    expect(regionsIn(records)).toEqual(regions)
  })

  test.each([
    [{ address: 'fdaa::3', ttl: 5 }, ['fdaa::3']],
    [{ address: '::ffff:127.9.0.1', ttl: 5 }, ['::ffff:127.9.0.1']],
    [{ address: '10.0.0.4', ttl: 5 }, ['10.0.0.4']],
    [{ address: '::', ttl: 5 }, []],
    [{ address: '0.0.0.0', ttl: 5 }, []],
    [{ address: '::ffff:0.0.0.0', ttl: 5 }, []],
    [{ address: 'ff02::1', ttl: 5 }, []],
    [{ address: '224.0.0.1', ttl: 5 }, []],
    [{ address: 'db.example.com', ttl: 5 }, []],
    [{ address: 4, ttl: 5 }, []],
    [null, []],
  ])('addresses in %j', (record, addresses) => {
    expect(addressesIn([record, record]).map(({ address }) => address)).toEqual(addresses)
  })

  test('of more than anybody has, the same in whatever order they come', () => {
    const all = Array.from({ length: 500 }, (_, i) => ({ address: `10.0.${i >> 8}.${i & 255}`, ttl: 5 }))
    const turned = [...all.slice(300), ...all.slice(0, 300)]
    expect(addressesIn(turned)).toEqual(addressesIn(all))
    expect(addressesIn(all)).toHaveLength(256)
  })

  test('services, by priority, each once', () => {
    const target = (name: unknown, port: unknown, priority = 0): object => ({ name, port, priority, weight: 1 })
    const records = [
      target('b.example.com', 5433, 2),
      target('A.example.com', 5432, 1),
      target('a.example.com', 5432, 3),
    ]
    const wrong = [target('', 5432), target('a b', 5432), target('x', 0), target('x', 65_536), target(null, 1), null]
    expect(targetsIn([...records, ...wrong])).toEqual([
      { host: 'a.example.com', port: 5432 },
      { host: 'b.example.com', port: 5433 },
    ])
  })
})

const name = fc.constantFrom('nrt', 'ord', 'syd')
const addresses = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 })
const answer: fc.Arbitrary<AnsweredAddresses> = fc
  .array(fc.tuple(name, fc.option(addresses, { nil: undefined })), { maxLength: 3 })
  .map((entries) => new Map(entries))
const flat = (known: ResolvedAddresses): string[] =>
  [...known].flatMap(([at, found]) => [...found.keys()].map((a) => at + a))

describe('what is known after answers', () => {
  const after = (...answers: Record<string, string[] | undefined>[]): string[] =>
    flat(
      answers.reduce(
        (known, said) => afterAnswer(known, new Map(Object.entries(said))),
        new Map() as ResolvedAddresses,
      ),
    )

  test.each<[string, Record<string, string[] | undefined>[], string[]]>([
    ['all of it', [{ nrt: ['a'], ord: ['b', 'c'] }], ['nrta', 'ordb', 'ordc']],
    ['one that failed changes nothing', [{ nrt: ['a'] }, { nrt: undefined }], ['nrta']],
    ['nor an empty one', [{ nrt: ['a'] }, { nrt: [] }, { nrt: [] }, { nrt: [] }], ['nrta']],
    ['nor one that names nothing', [{ nrt: ['a'] }, {}, {}, {}], ['nrta']],
    ['one answer that lacks an address does not take it away', [{ nrt: ['a', 'b'] }, { nrt: ['b'] }], ['nrta', 'nrtb']],
    ['two do', [{ nrt: ['a', 'b'] }, { nrt: ['b'] }, { nrt: ['b'] }], ['nrtb']],
    ['in a row', [{ nrt: ['a', 'b'] }, { nrt: ['b'] }, { nrt: ['a'] }, { nrt: ['b'] }], ['nrta', 'nrtb']],
    ['a name that two lack is gone', [{ nrt: ['a'], ord: ['b'] }, { nrt: ['a'] }, { nrt: ['a'] }], ['nrta']],
    ['those that stay keep their order', [{ nrt: ['a', 'b'] }, { nrt: ['c', 'b', 'a'] }], ['nrta', 'nrtb', 'nrtc']],
    ['a move', [{ nrt: ['a'] }, { nrt: ['b'] }, { nrt: ['b'] }], ['nrtb']],
  ])('%s', (_, answers, known) => {
    expect(after(...answers)).toEqual(known)
  })

  test('whatever comes, what was there once is never emptied, and nothing appears that nobody said', () => {
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 30 }), (answers) => {
        let known: ResolvedAddresses = new Map()
        for (const said of answers) {
          const before = flat(known)
          known = afterAnswer(known, said)
          const named = [...said].flatMap(([at, found]) => (found ?? []).map((address) => at + address))
          if (before.length + named.length > 0) expect(known.size).toBeGreaterThan(0)
          expect(flat(known).filter((each) => !before.includes(each) && !named.includes(each))).toEqual([])
          expect(named.filter((each) => !flat(known).includes(each))).toEqual([])
        }
      }),
    )
  })

  test('what all answers from now on say is known after two of them', () => {
    fc.assert(
      fc.property(fc.array(answer), addresses, (answers, last) => {
        fc.pre(last.length > 0)
        let known = answers.reduce(afterAnswer, new Map() as ResolvedAddresses)
        for (let i = 0; i < 2; i++) known = afterAnswer(known, new Map([['nrt', last]]))
        expect(flat(known).toSorted()).toEqual(last.map((address) => `nrt${address}`).toSorted())
      }),
    )
  })
})

test.each([
  [[5_000, 60_000], 1, 5_000],
  [[5_000], 0, 4_000],
  [[0], 1, 1_000],
  [[86_400_000], 1, 300_000],
  [[], 1, 300_000],
])('answers that hold for %j, at %d: %d ms', (ttls, random, ms) => {
  expect(refreshInterval(ttls, random)).toBe(ms)
})

test.each([
  [{ a: ['10.0.0.1'], aaaa: ['fdaa::1'] }, undefined, ['10.0.0.1']],
  [{ a: [], aaaa: ['fdaa::1'] }, undefined, ['fdaa::1']],
  [{ a: ['10.0.0.1'], aaaa: ['fdaa::1'] }, 6, ['fdaa::1']],
  [{ a: 'ESERVFAIL', aaaa: ['fdaa::1'] }, undefined, ['fdaa::1']],
  [{ a: 'ENODATA', aaaa: 'ENOTFOUND' }, undefined, []],
  [{ a: 'ENODATA', aaaa: 'ETIMEOUT' }, undefined, undefined],
  [{ a: 'ESERVFAIL', aaaa: 'ENODATA' }, 6, []],
] as const)('the addresses of a name: %j, %s', async ({ a, aaaa }, family, expected) => {
  const give = (said: readonly string[] | string): Promise<object[]> =>
    typeof said === 'string'
      ? Promise.reject(Object.assign(new Error(said), { code: said }))
      : Promise.resolve(said.map((address) => ({ address, ttl: 5 })))
  const resolver = { resolve4: () => give(a), resolve6: () => give(aaaa) } as unknown as DnsResolver
  expect((await resolveAddresses(resolver, 'db', family))?.map(({ address }) => address)).toEqual(expected)
})

test('while IPv4 cannot be looked up, the addresses of IPv6 do not take the place of those that are known', async () => {
  const servfail = Object.assign(new Error('SERVFAIL'), { code: 'ESERVFAIL' })
  let works = true
  const resolver = {
    resolve4: () => (works ? Promise.resolve([{ address: '10.0.0.1', ttl: 5 }]) : Promise.reject(servfail)),
    resolve6: () => Promise.resolve([{ address: 'fdaa::1', ttl: 5 }]),
  } as unknown as DnsResolver
  const source = dns('db.example.com', { resolver })
  const hostaddr = async (): Promise<unknown> => {
    const list = await source({ primary: 'postgres://u@old/app' })
    return (list?.primary as { hostaddr?: string } | undefined)?.hostaddr
  }
  expect(await hostaddr()).toBe('10.0.0.1')
  works = false
  expect([await hostaddr(), await hostaddr(), await hostaddr()]).toEqual(['10.0.0.1', '10.0.0.1', '10.0.0.1'])
})

/** What a resolver may give for garbage: the right form with anything in it, another form, an error. */
const garbage = fc.oneof(
  fc.constant([['nrt,ord']]),
  fc.array(fc.record({ address: fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), ttl: fc.integer() }), { maxLength: 5 }),
  fc.array(fc.array(fc.oneof(fc.string(), fc.constantFrom('nrt', 'nrt,ord', 'syd,,', 'xyz')), { maxLength: 3 }), {
    maxLength: 2,
  }),
  fc.anything(),
  fc.constantFrom('ESERVFAIL', 'ENODATA', 'ETIMEOUT').map((code) => Object.assign(new Error(code), { code })),
)
const answering = (said: unknown): Promise<never> =>
  said instanceof Error ? Promise.reject(said) : Promise.resolve(said as never)

test('answers of anything: the list can always be used, and is never emptied', async () => {
  const sound = [{ address: '10.0.0.1', ttl: 5 }]
  let answers: readonly unknown[] = [[['nrt']], sound, sound]
  let asked = 0
  const resolver = Object.fromEntries(
    ['resolve4', 'resolve6', 'resolveSrv', 'resolveTxt'].map((method) => [
      method,
      () => answering(answers[asked++ % answers.length]),
    ]),
  ) as unknown as DnsResolver
  const url = 'postgres://app@db.internal:5432/app'
  const machines = discoverMachines({ app: 'db', url, primaryRegion: 'nrt', resolver, random: () => 1 })
  const named = dns('db.example.com', { resolver, family: 4, replicas: { ord: 'ord.db.example.com' } })
  const listed = async (source: () => unknown): Promise<number> => {
    const list = await Promise.resolve(source()).catch(() => undefined)
    if (list === undefined) return 0
    const { primary, replicas } = list as { primary: unknown; replicas: unknown }
    return parseServerList(primary, replicas).length
  }
  expect(await listed(machines)).toBe(1)
  answers = [sound]
  expect(await listed(() => named({ primary: url }))).toBe(2)

  const counts: number[] = []
  await fc.assert(
    fc.asyncProperty(fc.array(garbage, { minLength: 4, maxLength: 4 }), async (said) => {
      answers = said
      counts.push(await listed(machines))
      const ofNames = await listed(() => named({ primary: url }))
      expect(ofNames, 'names need no answer for what they had').toBeGreaterThanOrEqual(2)
    }),
    { numRuns: 1_000 },
  )
  expect(counts.filter((count) => count > 0).length).toBeGreaterThan(50)
}, 30_000)

describe('dns()', () => {
  const resolver = {
    resolve4: (asked: string) =>
      Promise.resolve([{ address: asked.startsWith('ord') ? '10.0.1.1' : '10.0.0.1', ttl: 60 }]),
    resolve6: () => Promise.resolve([]),
    resolveSrv: () => Promise.resolve([{ name: 'a.example.com', port: 6000, priority: 0, weight: 0 }]),
    resolveTxt: () => Promise.reject(new Error('nobody asks')),
  } as unknown as DnsResolver

  test('lists each address, with the rest from the primary, and its name for certificates', async () => {
    const source = dns('db.example.com', { resolver, replicas: { ord: 'ord.example.com' } })
    const list = await source({
      primary: { region: 'nrt', url: 'postgres://u:p@old:6432/app?sslmode=require', max: 4 },
    })
    expect(list).toMatchObject({
      primary: {
        region: 'nrt',
        url: 'postgres://u:p@db.example.com:6432/app?sslmode=require',
        hostaddr: '10.0.0.1',
        max: 4,
      },
      replicas: { ord: { url: 'postgres://u:p@ord.example.com:6432/app?sslmode=require', hostaddr: '10.0.1.1' } },
    })
    expect(list?.serversIntervalMs).toBeGreaterThanOrEqual(48_000)
    expect(
      parseServerList(list?.primary, list?.replicas).map(({ name: own, address }) => [own, address.label]),
    ).toEqual([
      ['nrt', 'db.example.com(10.0.0.1):6432/app'],
      ['ord', 'ord.example.com(10.0.1.1):6432/app'],
    ])
  })

  test.each([
    ['has no address', () => Promise.resolve([])],
    ['cannot be looked up', () => Promise.reject(Object.assign(new Error('late'), { code: 'ETIMEOUT' }))],
  ])('a name that %s for a moment is looked up again soon', async (_, failing) => {
    let said = (): Promise<unknown> => Promise.resolve([{ address: '10.0.0.1', ttl: 3 }])
    const source = dns('db.example.com', { resolver: { ...resolver, resolve4: () => said() } as DnsResolver })
    await source({ primary: 'postgres://u@old/app' })
    said = failing
    const list = await source({ primary: 'postgres://u@old/app' })
    expect(list?.primary).toMatchObject({ hostaddr: '10.0.0.1' })
    expect(list?.serversIntervalMs).toBeLessThanOrEqual(3_000)
  })

  test('a service says the port', async () => {
    const list = await dns('_postgresql._tcp.example.com', { resolver })({ primary: 'postgres://u@old:6432/app' })
    expect(list?.primary).toMatchObject({ url: 'postgres://u@a.example.com:6000/app', hostaddr: '10.0.0.1' })
  })

  test.each([
    ['', {}, 'name'],
    ['a b', {}, 'name'],
    ['db.example.com:5432', {}, 'name'],
    ['db', { replicas: { ord: 'a b' } }, 'replicas.ord'],
    ['db', { replicas: { 'o r d': 'x' } }, 'replicas'],
    ['db', { family: 5 }, 'family'],
    ['db', { replica: {} }, 'replica'],
  ])('%j %j is refused', (own, options, option) => {
    const make = (): unknown => dns(own, options as DnsOptions)
    expect(make).toThrow(expect.objectContaining({ option }))
    expect(make).toThrow(expect.toSatisfy(isOptionError))
  })
})
