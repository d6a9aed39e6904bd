import { describe, expect, test } from 'vitest'
import { chooseInstances, wishOf, type Wish } from '../../src/edge/choose-instances.ts'
import { parseReplayHeader, parseReplayJson, ReplayFault } from '../../src/edge/replay-instruction.ts'
import { requestRegion, type RegionClues } from '../../src/edge/request-region.ts'

const none = {
  regions: [],
  instance: undefined,
  preferInstance: undefined,
  app: undefined,
  state: undefined,
  elsewhere: false,
  timeoutMs: undefined,
  fallback: undefined,
  transform: { path: undefined, deleteHeaders: [], setHeaders: [] },
}

describe('fly-replay', () => {
  test.each([
    ['region=nrt', { regions: ['nrt'] }],
    ['region="iad,ord,us,any"', { regions: ['iad', 'ord', 'us', 'any'] }],
    ['region=nrt;state=captured_write', { regions: ['nrt'], state: 'captured_write' }],
    [' region = nrt ; state="a;b=c" ', { regions: ['nrt'], state: 'a;b=c' }],
    ['instance=00bb33ff;', { instance: '00bb33ff' }],
    ['prefer_instance=a1;app=web', { preferInstance: 'a1', app: 'web' }],
    ['elsewhere=true', { elsewhere: true }],
    ['elsewhere=false', {}],
    ['app=w;timeout=10s;fallback=force_self', { app: 'w', timeoutMs: 10_000, fallback: 'force_self' }],
    ['region=nrt;timeout=800ms;fallback=prefer_self', { regions: ['nrt'], timeoutMs: 800, fallback: 'prefer_self' }],
  ])('%s', (header, fields) => {
    expect(parseReplayHeader(header)).toEqual({ ...none, ...fields })
  })

  test.each([
    ['', /cannot be read/],
    ['nrt', /cannot be read/],
    ['region=nrt;;state', /cannot be read/],
    ['region=iad,ord', /must be quoted/],
    ['where=nrt', /no field "where"/],
    ['transform=x', /no field "transform"/],
    ['region=nrt;timeout=soon', /no duration/],
    ['region=nrt;fallback=me', /neither/],
  ])('not %j', (header, message) => {
    expect(() => parseReplayHeader(header)).toThrow(message)
  })

  test('as JSON', () => {
    const json = {
      region: 'iad,us',
      elsewhere: true,
      transform: {
        path: '/new?x=1',
        delete_headers: ['Cookie'],
        set_headers: [{ name: 'Authorization', value: 'Bearer x' }],
      },
      cache: { prefix: '/some/*', ttl: 60 },
    }
    expect(parseReplayJson(JSON.stringify(json))).toEqual({
      ...none,
      regions: ['iad', 'us'],
      elsewhere: true,
      transform: { path: '/new?x=1', deleteHeaders: ['cookie'], setHeaders: [['authorization', 'Bearer x']] },
    })
  })

  test.each([
    '',
    '[]',
    'null',
    '{"region":1}',
    '{"transform":[]}',
    '{"transform":{"set_headers":["x"]}}',
    '{"where":"x"}',
  ])('not the JSON %s', (body) => {
    expect(() => parseReplayJson(body)).toThrow(ReplayFault)
  })
})

describe('which instance', () => {
  const instances = [
    { id: 'n', region: 'nrt', port: 1 },
    { id: 'o', region: 'ord', port: 2 },
    { id: 's', region: 'syd', port: 3 },
    { id: 'x', region: 'home', port: 4 },
  ]
  const fromSyd = (region: string): number => ({ syd: 0, nrt: 137, ord: 253, home: 999 })[region] ?? Infinity
  test.each<[Partial<Wish>, string]>([
    [{}, 'snox'],
    [{ regions: ['ord'] }, 'o'],
    [{ regions: ['ord', 'any'] }, 'osnx'],
    [{ regions: ['us', 'apac'] }, 'osn'],
    [{ regions: ['home'] }, 'x'],
    [{ regions: ['eu'] }, ''],
    [{ instance: 'o', regions: ['nrt'] }, 'o'],
    [{ instance: 'gone' }, ''],
    [{ preferInstance: 'o' }, 'osnx'],
    [{ preferInstance: 'gone', regions: ['nrt'] }, 'n'],
  ])('%o', (wish, ids) => {
    const all = { regions: [], instance: undefined, preferInstance: undefined, ...wish }
    expect(
      chooseInstances(instances, all, fromSyd)
        .map(({ id }) => id)
        .join(''),
    ).toBe(ids)
  })

  test.each([
    [{}, { regions: [] }],
    [{ 'fly-prefer-region': 'ord,nrt' }, { regions: ['ord', 'nrt', 'any'] }],
    [{ 'fly-force-region': 'ord', 'fly-prefer-region': 'nrt' }, { regions: ['ord'] }],
    [{ 'fly-force-instance-id': 'n' }, { regions: [], instance: 'n' }],
    [{ 'fly-prefer-instance-id': 'n' }, { regions: [], preferInstance: 'n' }],
  ])('a client asks for one: %o', (headers, wish) => {
    expect(wishOf(headers)).toEqual({ instance: undefined, preferInstance: undefined, ...wish })
  })
})

describe('where a request comes from', () => {
  const world = { regions: ['nrt', 'ord', 'syd'], primary: 'nrt' }
  const from = (path: string, clues: Partial<RegionClues> = {}) =>
    requestRegion({ path, header: undefined, cookie: undefined, door: undefined, ...clues }, world)

  test.each([
    ['/a?b=1', undefined, 'nrt', '/a?b=1'],
    ['/a?b=1', 'syd', 'syd', '/a?b=1'],
    ['/a?edge-region=ord&b=1', 'syd', 'ord', '/a?b=1'],
    ['/a?edge-region=ord', undefined, 'ord', '/a'],
    ['/a?b=1&edge-region=ord&c', undefined, 'ord', '/a?b=1&c'],
    ['/a?edge-region=', undefined, 'nrt', '/a'],
    ['/a?x-edge-region=ord', [''], 'nrt', '/a?x-edge-region=ord'],
    ['/a?b=?edge-region=ord', undefined, 'nrt', '/a?b=?edge-region=ord'],
  ])('%s, header %s: %s, %s', (path, header, region, rest) => {
    expect(from(path, { header })).toMatchObject({ region, path: rest })
    expect(from(path, { header, door: 'nrt' })).toMatchObject({ region, path: rest })
  })

  test.each<[string, Partial<RegionClues>]>([
    ['/a?edge-region=mars', { header: 'syd' }],
    ['/a?edge-region=syd', { header: ['mars'] }],
    ['/a', { header: 'mars', door: 'syd' }],
  ])('%s, %o: a region that is none is a mistake', (path, clues) => {
    expect(() => from(path, clues)).toThrow(/"mars" is none of this world's regions: nrt, ord, syd\./)
  })

  test.each<[string, Partial<RegionClues>, string]>([
    ['/', { cookie: 'a=b; edge-region=syd' }, 'syd'],
    ['/', { cookie: 'edge-region=syd', header: 'ord' }, 'ord'],
    ['/?edge-region=ord', { cookie: 'edge-region=syd' }, 'ord'],
    ['/', { cookie: 'edge-region=syd', door: 'ord' }, 'ord'],
    ['/', { cookie: 'edge-region=mars' }, 'nrt'],
    ['/', { cookie: 'edge-region; =; my-edge-region=syd' }, 'nrt'],
  ])('%s, %o: %s', (path, clues, region) => {
    expect(from(path, clues).region).toBe(region)
  })

  test.each<[string, Partial<RegionClues>, string | undefined]>([
    ['/?edge-region=syd', {}, 'edge-region=syd; Path=/; HttpOnly; SameSite=Lax'],
    ['/?edge-region=syd', { door: 'ord' }, undefined],
    ['/', { header: 'syd', cookie: 'edge-region=syd' }, undefined],
  ])('%s, %o is remembered: %s', (path, clues, remember) => {
    expect(from(path, clues).remember).toBe(remember)
  })
})
