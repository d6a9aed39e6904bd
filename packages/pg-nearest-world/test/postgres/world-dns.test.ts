import { Resolver } from 'node:dns/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startDns, startWorld, type World, type WorldDns } from '../../src/index.ts'
import { ask, hangs } from './world-support.ts'

let world: World
let dns: WorldDns
const resolver = new Resolver({ timeout: 500, tries: 2 })

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 20 })
  dns = await startDns(world, { from: 'syd' })
  resolver.setServers([dns.address])
})
afterAll(async () => {
  await dns?.close()
  await world?.stop()
})

/** A region's server, by the address that its name has now. */
const at = (address: string): string => {
  const url = new URL(world.url('nrt'))
  url.hostname = address
  url.port = String(dns.port)
  return url.href
}
const inRecovery = (address: string): Promise<boolean | undefined> =>
  ask<boolean>(at(address), 'select pg_is_in_recovery() as value')

test('each name leads to its own server', async () => {
  expect(await resolver.resolveTxt('regions.db.internal')).toEqual([['nrt,ord,syd']])
  expect([dns.asked('regions.db.internal', 'TXT'), dns.asked('db.internal', 'TXT')]).toEqual([1, 0])
  const all = await resolver.resolve6('db.internal', { ttl: true })
  expect(all.map(({ ttl }) => ttl)).toEqual([5, 5, 5])
  expect(await Promise.all(all.map(({ address }) => inRecovery(`[${address}]`)))).toEqual([false, true, true])
  const [tokyo = ''] = await resolver.resolve4('nrt.db.internal')
  expect(await inRecovery(tokyo)).toBe(false)
})

test('over the link that leads there', async () => {
  const [tokyo = ''] = await resolver.resolve4('nrt.db.internal')
  world.partition('syd', 'nrt')
  const answer = inRecovery(tokyo)
  expect(await hangs(answer, 200)).toBe(true)
  world.heal('syd', 'nrt')
  expect(await answer).toBe(false)
})

test('a server that is down has no records, and has them when it is back', async () => {
  await world.kill('ord')
  await expect(resolver.resolve4('ord.db.internal')).rejects.toMatchObject({ code: 'ENODATA' })
  expect(await resolver.resolveTxt('regions.db.internal')).toEqual([['nrt,syd']])
  expect(await resolver.resolveTxt('all.regions.db.internal')).toEqual([['nrt,ord,syd']])
  await world.start('ord')
  expect(await resolver.resolve4('ord.db.internal')).toHaveLength(1)
})

test('a machine that moves has another address, and the same name', async () => {
  const [before = ''] = await resolver.resolve4('ord.db.internal')
  const machines = await resolver.resolveTxt('vms.db.internal')
  await dns.migrate('ord')
  const [after = ''] = await resolver.resolve4('ord.db.internal')
  expect(after).not.toBe(before)
  expect(await resolver.resolveTxt('vms.db.internal')).toEqual(machines)
  expect(await inRecovery(after)).toBe(true)
  await expect(inRecovery(before)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

test('a region that joins has a name', async () => {
  await world.addRegion('ams')
  const [address = ''] = await resolver.resolve4('ams.db.internal')
  expect(await inRecovery(address)).toBe(true)
  dns.withdraw('ams')
  await expect(resolver.resolve4('ams.db.internal')).rejects.toMatchObject({ code: 'ENOTFOUND' })
  expect(await inRecovery(address)).toBe(true)
  await dns.remove('ams')
  await expect(inRecovery(address)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await expect(resolver.resolve4('ams.db.internal')).rejects.toMatchObject({ code: 'ENOTFOUND' })
})
