import { describe, expect, test } from 'vitest'
import { recordsFor, type Machine, type Zone } from '../../src/dns/zone.ts'

const machine = (id: string, region: string, address: string, started = true): Machine => ({
  id,
  region,
  address,
  port: 5433,
  started,
})

const zone: Zone = {
  app: 'db',
  ttlSeconds: 5,
  distance: (region) => ({ nrt: 137, ord: 200, syd: 0 })[region] ?? Infinity,
  machines: [
    machine('a1', 'nrt', '127.9.0.1'),
    machine('b2', 'ord', '127.9.0.2'),
    machine('b3', 'ord', '127.9.0.3', false),
    machine('c4', 'syd', '127.9.0.4'),
    machine('d5', 'ams', '127.9.0.5', false),
  ],
}

const ask = (name: string, type: string): unknown => recordsFor(zone, { name, type })?.map(({ data }) => data)

describe('the names of an app', () => {
  test.each([
    ['db.internal', 'A', ['127.9.0.1', '127.9.0.2', '127.9.0.4']],
    ['global.db.internal', 'A', ['127.9.0.1', '127.9.0.2', '127.9.0.4']],
    ['ord.db.internal', 'AAAA', ['::ffff:127.9.0.2']],
    ['ORD.db.Internal.', 'AAAA', ['::ffff:127.9.0.2']],
    ['ams.db.internal', 'AAAA', []],
    ['fra.db.internal', 'AAAA', undefined],
    ['top2.nearest.of.db.internal', 'A', ['127.9.0.4', '127.9.0.1']],
    ['c4.vm.db.internal', 'A', ['127.9.0.4']],
    ['b3.vm.db.internal', 'A', []],
    ['regions.db.internal', 'TXT', [['nrt,ord,syd']]],
    ['all.regions.db.internal', 'TXT', [['ams,nrt,ord,syd']]],
    ['vms.db.internal', 'TXT', [['a1 nrt,b2 ord,c4 syd']]],
    ['regions.db.internal', 'A', []],
    ['db.internal', 'TXT', []],
    ['_postgresql._tcp.ord.db.internal', 'SRV', [{ target: 'b2.vm.db.internal', port: 5433, priority: 0, weight: 0 }]],
    ['other.internal', 'A', undefined],
    ['notdb.internal', 'A', undefined],
    ['x.y.z.db.internal', 'A', undefined],
  ])('%s %s', (name, type, data) => {
    expect(ask(name, type)).toEqual(data)
  })

  test('a long text is several strings', () => {
    const machines = Array.from({ length: 30 }, (_, i) => machine(`${i}`.padStart(14, '0'), 'nrt', `127.9.0.${i + 1}`))
    const [record] = recordsFor({ ...zone, machines }, { name: 'vms.db.internal', type: 'TXT' }) ?? []
    const strings = record?.data as string[]
    expect(strings.length).toBeGreaterThan(1)
    expect(strings.every((each) => each.length <= 255)).toBe(true)
    expect(strings.join('').split(',')).toHaveLength(30)
  })
})
