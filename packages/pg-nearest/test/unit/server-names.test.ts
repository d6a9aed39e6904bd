import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ListedServer } from '../../src/discovery/listed-server.ts'
import { parseServerList } from '../../src/server-list/parse-server-list.ts'

type Places = readonly (readonly [region: string, host: string])[]

function list(places: Places, before?: readonly ListedServer[]): readonly ListedServer[] {
  const urls: Record<string, string[]> = {}
  for (const [region, host] of places) (urls[region] ??= []).push(`postgres://${host}/app`)
  const surroundings = before === undefined ? { env: {} } : { env: {}, before }
  return parseServerList({ region: 'nrt', url: 'postgres://primary/app' }, urls, surroundings)
}

const namesOf = (servers: readonly ListedServer[]): Record<string, string> =>
  Object.fromEntries(servers.map(({ name, address }) => [address.host, name]))

describe('the names of servers', () => {
  test('go by the order of a first list', () => {
    const names = namesOf(
      list([
        ['ord', 'a'],
        ['ord', 'b'],
        ['syd', 'c'],
      ]),
    )
    expect(names).toEqual({ primary: 'nrt', a: 'ord', b: 'ord#2', c: 'syd' })
  })

  test('stay with their servers, in any order, and are never given twice', () => {
    const places = fc.uniqueArray(
      fc.tuple(fc.constantFrom('nrt', 'ord'), fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g')),
      {
        selector: ([, host]) => host,
        maxLength: 6,
      },
    )
    fc.assert(
      fc.property(fc.array(places, { minLength: 2, maxLength: 5 }), (lists) => {
        let before: readonly ListedServer[] = []
        for (const each of lists) {
          const after = list(each, before)
          expect(new Set(after.map(({ name }) => name)).size).toBe(after.length)
          for (const { name, region, address } of after) {
            expect(name).toMatch(new RegExp(`^${region}(#[2-9])?$`))
            const was = before.find((server) => server.address.host === address.host)
            if (was !== undefined && was.region === region) expect(name).toBe(was.name)
          }
          before = after
        }
      }),
    )
  })
})
