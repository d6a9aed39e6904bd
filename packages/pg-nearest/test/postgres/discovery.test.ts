import { Resolver } from 'node:dns/promises'
import { startDns, startWorld, type ScriptedAnswer, type World, type WorldDns } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { listedNow } from '../../src/cli-options/servers-to-ask.ts'
import { flyServers } from '../../src/fly/fly.ts'
import { fly } from '../../src/fly/index.ts'
import { createPool, type NearestPool, type NearestPoolOptions, type ProblemEvent } from '../../src/index.ts'
import { until, withUsers } from './fixtures.ts'

let world: World
let dns: WorldDns
let pool: NearestPool | undefined
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 20 })
  await withUsers(world)
  dns = await startDns(world, { from: 'ord', ttlSeconds: 1 })
})
afterEach(async () => {
  dns.script('*', undefined)
  await pool?.destroy()
  pool = undefined
})
afterAll(async () => {
  await dns?.close()
  await world?.stop()
})

function resolverOf({ address }: WorldDns): Resolver {
  const resolver = new Resolver({ timeout: 500, tries: 2 })
  resolver.setServers([address])
  return resolver
}

/** An app that knows nothing but where it is, and the name of the database. */
function create(region = 'ord'): NearestPool {
  const resolver = resolverOf(dns)
  const url = new URL(world.url('nrt'))
  url.host = `${dns.host}:${dns.port}`
  const env = { DATABASE_URL: url.href, FLY_REGION: region, PRIMARY_REGION: 'nrt', POOL_SIZE: '3' }
  pool = createPool(fly({ env, discover: { resolver } }))
  return pool
}

async function start(region?: string): Promise<NearestPool> {
  const own = create(region)
  await until(() => namesOf(own).length === 3, 'the machines to be found')
  await own.refresh()
  return own
}

const namesOf = (own: NearestPool): string[] =>
  own
    .status()
    .servers.filter(({ health }) => health !== 'leaving')
    .map(({ name }) => name)
const refreshes = (): number => dns.asked(`regions.${dns.host}`, 'TXT')

describe('the machines of a Fly app', () => {
  test('are found by name alone, asked for their roles, and used', async () => {
    const own = await start()
    expect(namesOf(own)).toEqual(['nrt', 'ord', 'syd'])
    expect((await own.query('select 1')).servedBy).toMatchObject({ server: 'ord', role: 'replica' })
    expect((await own.query("insert into users (name) values ('Radia')")).servedBy).toMatchObject({ server: 'nrt' })
    expect((await own.query("select 1 from users where name = 'Radia'")).rowCount).toBe(1)
    expect(own.options.max).toBe(3)
  })

  test('are what the commands ask, from the start', async () => {
    const url = new URL(world.url('nrt'))
    url.host = `${dns.host}:${dns.port}`
    const env = { DATABASE_URL: url.href, FLY_REGION: 'ord', PRIMARY_REGION: 'nrt' }
    const told: string[] = []
    const listed = async (): Promise<NearestPoolOptions> =>
      listedNow(flyServers(env, { resolver: resolverOf(dns) }), (text) => told.push(text), true)
    const { servers: _followed, ...options } = await listed()
    pool = createPool(options)
    expect(namesOf(pool)).toEqual(['nrt', 'ord', 'syd'])
    expect((await pool.refresh()).servers.map(({ role }) => role)).toEqual(['primary', 'replica', 'replica'])
    expect(told).toEqual([])
    dns.script('*', 'missing')
    expect(Object.keys((await listed()).replicas ?? {})).toEqual([])
    expect(told).toEqual([expect.stringContaining('answers only inside its network')])
  })

  test('a region that joins is used within two TTLs without any change, and one that leaves is drained', async () => {
    const own = await start('ams')
    expect((await own.query('select 1')).servedBy.region).not.toBe('ams')
    await world.addRegion('ams')
    const before = refreshes()
    await until(async () => (await own.query('select 1')).servedBy.reason === 'own-region', 'ams to be used')
    // Each is asked for within the TTL of the one before.
    expect(refreshes() - before).toBeLessThanOrEqual(2)

    const client = await own.replica('ams').connect()
    await client.query('begin read only')
    expect((await client.query('select 1')).servedBy.server).toBe('ams')
    dns.withdraw('ams')
    await until(() => !own.regions().includes('ams'), 'ams to be left')
    expect((await own.query('select 1')).servedBy.region).not.toBe('ams')
    expect((await client.query('select 1')).servedBy.server, 'what runs there goes on').toBe('ams')
    await client.query('commit')
    client.release()
    await until(() => own.status().servers.every(({ name }) => name !== 'ams'), 'its connections to be closed')
    await dns.remove('ams')
  })

  test('one that moves to another address is followed, and no read fails meanwhile', async () => {
    const own = await start()
    await dns.migrate('ord')
    const served = new Set<string>()
    await until(async () => {
      const { region, server } = (await own.query('select 1')).servedBy
      served.add(server)
      return region === 'ord' && server !== 'ord'
    }, 'reads from the new address')
    expect([...served]).toContain('ord#2')
    await until(() => namesOf(own).length === 3, 'the old address to be left')
    expect((await own.query('select 1')).servedBy.server).toBe('ord#2')
  })

  test('a primary that is replaced at another address gets the writes there', async () => {
    const own = await start()
    await world.kill('nrt')
    await dns.migrate('nrt')
    await world.start('nrt')
    // As long as it was down, no list had it, and its name leads nowhere here.
    const primaries = () => own.status().servers.filter(({ declared }) => declared === 'primary')
    await until(
      () => !primaries().some(({ address }) => address?.startsWith('db.internal') === true),
      'a list that has it',
    )
    // Nothing listens at the old address any more.
    const { servedBy } = await own.query("insert into users (name) values ('Barbara')")
    expect(servedBy).toMatchObject({ region: 'nrt', role: 'primary', reason: 'write' })
    await until(() => namesOf(own).length === 3, 'the old address to be left')
    expect((await own.query("select from users where name = 'Barbara'")).rowCount).toBe(1)
  })

  test('a region whose machine is down is no error', async () => {
    await world.kill('ord')
    try {
      const own = create()
      await until(() => namesOf(own).length === 2, 'the others to be found')
      await own.refresh()
      expect((await own.query('select 1')).servedBy.region).not.toBe('ord')
    } finally {
      await world.start('ord')
    }
  })

  test('what is empty, missing, failed or silent keeps the list', async () => {
    const own = await start()
    const problems: ProblemEvent[] = []
    own.on('problem', (problem) => problems.push(problem))
    for (const answer of ['empty', 'missing', 'failed', 'silent'] satisfies ScriptedAnswer[]) {
      const before = problems.length
      dns.script('*', answer)
      await until(() => problems.length > before, `an answer that is ${answer}`)
      expect(namesOf(own)).toEqual(['nrt', 'ord', 'syd'])
    }
    expect(problems.every(({ code }) => code === 'NEAREST_SERVER_LIST')).toBe(true)
    expect((await own.query('select 1')).servedBy.server).toBe('ord')
  })
})
