import { describe, expect, test } from 'vitest'
import { aurora } from '../../src/aurora/aurora.ts'
import { clusterDomain } from '../../src/aurora/cluster-domain.ts'
import { entryWithHost } from '../../src/server-list/entry-with-host.ts'
import { instancesOf, type InstanceRow } from '../../src/aurora/writer-and-readers.ts'
import { afterAnswer, readersOf, type KnownInstances } from '../../src/aurora/known-instances.ts'
import { isOptionError } from '../../src/errors.ts'
import { parsePoolOptions } from '../../src/options/parse-pool-options.ts'
import type { ServerOptions } from '../../src/server-list/server-list-types.ts'
import spec from '../../spec/aurora.json' with { type: 'json' }

describe('the name of an endpoint', () => {
  test.each(spec.hosts)('$host', ({ host, region, instance }) => {
    const domain = clusterDomain(host)
    expect(domain?.region).toBe(region ?? undefined)
    expect(domain?.instanceHost('shop-2')).toBe(instance)
  })
})

interface Answer {
  readonly name: string
  readonly rows: readonly (readonly unknown[])[]
  readonly writer?: string
  readonly readers?: readonly string[]
  readonly error?: string
}
const answers: readonly Answer[] = spec.answers

describe('an answer', () => {
  test.each(answers)('$name', ({ rows, writer, readers, error }) => {
    const read = rows.map(([instance, isWriter, age]) => ({
      instance: String(instance),
      writer: isWriter === true,
      age: typeof age === 'number' ? age : undefined,
    })) satisfies InstanceRow[]
    if (error !== undefined) expect(() => instancesOf(read)).toThrow(error)
    else expect(instancesOf(read)).toEqual({ writer, readers })
  })
})

describe('what is known after several answers', () => {
  const first = afterAnswer(undefined, { writer: 'a', readers: ['b', 'c'] }, 0)
  const listed = (known: KnownInstances): string[] => [known.writer, ...readersOf(known)]

  test('the order is that in which they were first seen', () => {
    expect(listed(afterAnswer(first, { writer: 'a', readers: ['d', 'c', 'b'] }, 1_000))).toEqual(['a', 'b', 'c', 'd'])
  })

  test('a failover changes who is the writer, and nobody else’s place', () => {
    expect(listed(afterAnswer(first, { writer: 'b', readers: ['c', 'a'] }, 1_000))).toEqual(['b', 'a', 'c'])
  })

  test('one that is not named any more stays for a minute', () => {
    const then = afterAnswer(first, { writer: 'b', readers: [] }, 60_000)
    expect(listed(then)).toEqual(['b', 'a', 'c'])
    expect(listed(afterAnswer(then, { writer: 'b', readers: [] }, 60_001))).toEqual(['b'])
  })
})

describe('the entry of an instance', () => {
  const url = 'postgres://app:p%40ss@shop.cluster-c1ab.us-east-1.rds.amazonaws.com:5433/app?sslmode=require'
  test.each<[string, ServerOptions, string, ServerOptions]>([
    ['a URL', { url }, 'i', { url: 'postgres://app:p%40ss@i:5433/app?sslmode=require' }],
    ['with a port', { url }, 'i:6000', { url: 'postgres://app:p%40ss@i:6000/app?sslmode=require' }],
    ['an IPv6 address', { url }, '[::1]:6000', { url: 'postgres://app:p%40ss@[::1]:6000/app?sslmode=require' }],
    ['a host behind the ?', { url: 'postgres://app@/app?host=shop&port=1' }, 'i:2', { url: 'postgres://app@i:2/app' }],
    ['pg’s name for it', { connectionString: 'postgres://shop/app', max: 3 }, 'i', { url: 'postgres://i/app', max: 3 }],
    ['an object', { host: 'shop', port: 5433, user: 'app' }, 'i', { host: 'i', port: 5433, user: 'app' }],
    [
      'an object, with a port',
      { host: 'shop', port: 5433, user: 'app' },
      'i:6000',
      { host: 'i', port: '6000', user: 'app' },
    ],
  ])('%s', (_name, entry, endpoint, expected) => {
    expect(entryWithHost(entry, endpoint)).toEqual(expected)
  })
})

describe('aurora()', () => {
  const url = 'postgres://app:secret@shop.cluster-c1ab.us-east-1.rds.amazonaws.com:5432/app?sslmode=require'

  test('begins with the cluster’s endpoint, and looks for its instances', () => {
    const options = aurora({ primary: url, max: 3, replicas: { 'eu-west-1': 'postgres://eu/app' } })
    expect(options).toMatchObject({ primary: { region: 'us-east-1', url }, max: 3, servers: expect.any(Function) })
    expect(parsePoolOptions(options, {}).servers.map(({ name }) => name)).toEqual(['us-east-1', 'eu-west-1'])
  })

  test.each([
    'postgres://localhost/app',
    'postgres://app@db:5432/app',
    'postgres://app@10.0.0.7/app',
    'postgres://app@db.example.com/app',
  ])('%s is one database and nothing else', (primary) => {
    const options = aurora({ primary })
    expect(options).not.toHaveProperty('servers')
    expect(parsePoolOptions(options, {}).servers.map(({ name }) => name)).toEqual(['primary'])
  })

  test('a region of its own stands for that of the name', () => {
    expect(aurora({ primary: { region: 'iad', url } }).primary).toEqual({ region: 'iad', url })
  })

  const endpoint = (instance: string): string => `${instance}.example.com`
  test.each<[string, unknown, string, RegExp]>([
    ['a URL alone', url, 'options', /an object such as/],
    ['no primary', {}, 'primary', /missing/],
    ['servers', { primary: url, servers: () => undefined }, 'servers', /by itself/],
    ['a mistyped option', { primary: url, endpont: endpoint }, 'endpont', /Did you mean endpoint\?/],
    ['an endpoint that is a text', { primary: url, endpoint: 'x.example.com' }, 'endpoint', /a function/],
    ['a proxy', { primary: 'postgres://shop.proxy-c1ab.us-east-1.rds.amazonaws.com/app' }, 'primary', /a proxy/],
    [
      'a reader endpoint',
      { primary: 'postgres://shop.cluster-ro-c1ab.us-east-1.rds.amazonaws.com/app' },
      'primary',
      /reader endpoint, which does not lead to the writer/,
    ],
    ['no region to be had', { primary: 'postgres://db.example.com/app', endpoint }, 'regionOf', /does not follow/],
    ['several hosts', { primary: 'postgres://a.example.com,b.example.com/app' }, 'primary', /endpoint alone/],
    ['a stream', { primary: { host: 'h', stream: () => undefined } }, 'primary.stream', /one place/],
  ])('%s is refused', (_name, options, option, message) => {
    let error: unknown
    try {
      Reflect.apply(aurora, undefined, [options])
    } catch (thrown) {
      error = thrown
    }
    expect(isOptionError(error)).toBe(true)
    expect(error).toMatchObject({ option, message: expect.stringMatching(message) })
    expect(String(error)).not.toContain('secret')
  })
})
