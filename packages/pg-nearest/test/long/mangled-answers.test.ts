import { Resolver } from 'node:dns/promises'
import { startDns, startWorld } from 'pg-nearest-world'
import { expect, test } from 'vitest'
import { discoverMachines } from '../../src/fly/discover-machines.ts'
import { dns as named } from '../../src/dns/index.ts'
import { parseServerList } from '../../src/server-list/parse-server-list.ts'

const QUESTIONS = 10_000
const AT_ONCE = 16

test('10,000 mangled answers of a real DNS server: nothing breaks, and no list is emptied', async () => {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'] })
  await using dns = await startDns(world, { from: 'ord' })
  const url = `postgres://app@${dns.host}:${dns.port}/app`
  const count = (): number =>
    [dns.host, `regions.${dns.host}`, ...world.regions.map((region) => `${region}.${dns.host}`)]
      .flatMap((name) => ['TXT', 'A', 'AAAA', 'SRV'].map((type) => dns.asked(name, type)))
      .reduce((sum, each) => sum + each, 0)

  const follow = async (): Promise<number> => {
    const resolver = new Resolver({ timeout: 100, tries: 1 })
    resolver.setServers([dns.address])
    const machines = discoverMachines({ app: 'db', url, primaryRegion: 'nrt', resolver, random: Math.random })
    const addresses = named(dns.host, { resolver })
    const sources = [machines, async () => addresses({ primary: url })]
    for (const source of sources) expect(parseServerList((await source())?.primary, {})).not.toEqual([])
    dns.script('*', 'mangled')
    let lists = 0
    for (let i = 0; count() < QUESTIONS; i++) {
      // Without an answer to what must be known the list stays as it was, which the pool sees to.
      const list = await sources[i % 2]?.().catch(() => undefined)
      if (list === undefined) continue
      lists++
      expect(parseServerList(list.primary, list.replicas).length).toBeGreaterThan(0)
    }
    dns.script('*', undefined)
    // Three: what the garbage has named is gone after two answers that lack it, and what it lacked is there again.
    for (let i = 0; i < 3; i++) for (const source of sources) await source()
    const { primary, replicas } = await machines()
    expect(parseServerList(primary, replicas).map(({ region }) => region)).toEqual(
      expect.arrayContaining(['nrt', 'ord', 'syd']),
    )
    return lists
  }
  const lists = await Promise.all(Array.from({ length: AT_ONCE }, () => follow()))
  expect(lists.every((each) => each > 0)).toBe(true)
}, 300_000)
