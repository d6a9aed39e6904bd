import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { isOptionError } from '../../src/errors.ts'
import { membersIn } from '../../src/patroni/cluster-answer.ts'
import { patroni, type PatroniOptions } from '../../src/patroni/index.ts'
import { parseServerList } from '../../src/server-list/parse-server-list.ts'

const member = (name: string, role: string, more: object = {}): object => ({
  name,
  role,
  state: 'streaming',
  host: `10.0.0.${name.slice(-1)}`,
  port: 5432,
  api_url: `http://10.0.0.${name.slice(-1)}:8008/patroni`,
  timeline: 3,
  ...more,
})
const cluster = {
  scope: 'shop',
  members: [
    member('pg1', 'replica', { tags: { region: 'ORD' } }),
    member('pg2', 'leader', { tags: { region: 'nrt' } }),
    member('pg3', 'sync_standby'),
    member('pg4', 'replica', { tags: { region: 'ord', nofailover: true } }),
    member('pg5', 'replica', { tags: { region: 'constructor' } }),
    // What cannot be reached, and what is named twice.
    member('pg6', 'replica', { host: '...' }),
    member('pg7', 'replica', { host: ':::' }),
    member('pg4', 'replica', { tags: { region: 'ord' } }),
  ],
}

let answer: unknown = cluster
let status = 200
let api: Server
let url = ''
beforeAll(async () => {
  api = createServer((request, response) => {
    response.writeHead(request.url === '/cluster' ? status : 404).end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`
})
afterEach(() => {
  answer = cluster
  status = 200
})
afterAll(() => api.close())

const template = { region: 'nrt', url: 'postgres://u:p@old:6432/app?sslmode=disable' }

describe('patroni()', () => {
  test('lists the leader first, those of its region beside it, and others by region', async () => {
    const list = await patroni([`${url}/`])({ primary: template })
    expect(parseServerList(list?.primary, list?.replicas)).toMatchObject([
      { name: 'nrt', declared: 'primary', address: { label: '10.0.0.2:5432/app' } },
      { name: 'nrt#2', candidate: true, address: { label: '10.0.0.3:5432/app' } },
      { name: 'ord', declared: 'replica', address: { label: '10.0.0.1:5432/app', user: 'u' } },
      { name: 'ord#2', declared: 'replica', address: { label: '10.0.0.4:5432/app' } },
      { name: 'constructor', declared: 'replica', address: { label: '10.0.0.5:5432/app' } },
    ])
  })

  test('without regions all are asked which of them takes the writes', async () => {
    answer = {
      members: [member('pg1', 'replica'), member('pg2', 'master'), member('pg3', 'replica', { host: 'fdaa::3' })],
    }
    const list = await patroni(url)({ primary: 'postgres://u@old/app' })
    expect(parseServerList(list?.primary, list?.replicas).map(({ address }) => address.label)).toEqual([
      '10.0.0.2:5432/app',
      '10.0.0.1:5432/app',
      '[fdaa::3]:5432/app',
    ])
  })

  test('a region may be said otherwise', async () => {
    const list = await patroni(url, { regionOf: ({ name }) => (name === 'pg2' ? 'nrt' : 'ams') })({ primary: template })
    expect(Object.keys(list?.replicas ?? {})).toEqual(['ams'])
  })

  test('asks the next one, and those that were named, when one does not answer', async () => {
    const asked: string[] = []
    let dead = ''
    const source = patroni(['http://first:8008', 'http://second:8008'], {
      fetch: (to, init) => {
        asked.push(to)
        return to.startsWith(dead === '' ? 'http://first' : dead)
          ? Promise.reject(new Error('down'))
          : fetch(`${url}/cluster`, init)
      },
    })
    await source({ primary: template })
    expect(asked).toEqual(['http://first:8008/cluster', 'http://second:8008/cluster'])
    dead = 'http://first'
    asked.length = 0
    await source({ primary: template })
    expect(asked.at(-1)).toBe('http://second:8008/cluster')
  })

  test.each([
    ['an error', 503, cluster],
    ['no leader', 200, { members: [member('pg1', 'replica')] }],
    ['nobody', 200, { members: [] }],
    ['nothing', 200, null],
    ['a leader without a place', 200, { members: [member('pg1', 'leader', { port: 0 })] }],
  ])('%s is no answer', async (_, code, said) => {
    status = code
    answer = said
    await expect(patroni(url)({ primary: template })).rejects.toThrow('Patroni was asked for the members')
  })

  test('an answer without end is cut off', async () => {
    const chunk = new Uint8Array(1_000_000)
    const endless = (): Response => new Response(new ReadableStream({ pull: (into) => into.enqueue(chunk) }))
    const source = patroni(url, { fetch: () => Promise.resolve(endless()) })
    await expect(source({ primary: template })).rejects.toThrow('more than 10000000 bytes')
  })

  test('whatever comes, a list can be used', () => {
    const part = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.constantFrom('leader', 'replica', '10.0.0.1', 5432),
      fc.anything(),
    )
    const garbage = fc.record({ name: part, role: part, host: part, port: part, api_url: part, tags: part })
    fc.assert(
      fc.property(fc.array(garbage), (members) => {
        const [leader, ...others] = membersIn({ members: [...members, member('pg1', 'leader')] })
        expect([leader, ...others].every(({ host, port }) => host !== '' && port > 0 && port < 65_536)).toBe(true)
      }),
    )
  })

  test.each([
    [[], {}, 'urls'],
    ['10.0.0.1:8008', {}, 'urls'],
    ['postgres://u:secret@x', {}, 'urls'],
    ['http://u:secret@10.0.0.1:8008', {}, 'urls'],
    ['http://x', { regionOf: 'nrt' }, 'regionOf'],
    ['http://x', { regionof: () => 'nrt' }, 'regionof'],
  ])('%j %j is refused', (urls, options, option) => {
    const make = (): unknown => patroni(urls, options as PatroniOptions)
    expect(make).toThrow(expect.objectContaining({ option }))
    expect(make).toThrow(expect.toSatisfy(isOptionError))
    expect(make).not.toThrow('secret')
  })
})
