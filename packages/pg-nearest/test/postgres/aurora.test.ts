import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { askInstances } from '../../src/aurora/ask-instances.ts'
import { aurora, type AuroraOptions } from '../../src/aurora/index.ts'
import type { NearestPool } from '../../src/index.ts'
import { playAurora } from './aurora-stand-in.ts'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** No Aurora can be had here: these are its functions, by name and signature, on servers of our own. */
const NAMES: Readonly<Record<string, string>> = { nrt: 'shop-1', ord: 'shop-2', ams: 'shop-3' }
const regionOf = (instance: string): string => Object.keys(NAMES).find((region) => NAMES[region] === instance) ?? 'x'

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'], rtt: 10 })
  await ask(world.url('nrt'), 'create table notes (n int)')
  // An ordinary role creates nothing in pg_catalog.
  await playAurora(world, NAMES)
})
afterEach(() => pools.destroyAll())
afterAll(() => world.stop())

function start(options: Partial<AuroraOptions> = {}): NearestPool {
  const pool = pools.create(
    aurora({
      primary: { region: 'nrt', url: world.url('nrt') },
      endpoint: (instance) => new URL(world.url(regionOf(instance))).host,
      regionOf,
      region: 'ord',
      serversIntervalMs: 100,
      ...options,
    }),
  )
  pool.on('error', () => undefined)
  return pool
}

const namesOf = (pool: NearestPool): string[] => pool.status().servers.map(({ name }) => name)

async function found(pool: NearestPool, names = ['nrt', 'ord', 'ams']): Promise<void> {
  await until(() => namesOf(pool).join() === names.join(), `the list ${names.join()}`)
  await pool.refresh()
}

/** Changes what the cluster says of its instances. */
async function instances(sql: string): Promise<void> {
  await ask(world.url(world.primary), sql)
  await caughtUp(world)
}

describe('the instances of a cluster', () => {
  test('are found: the writer takes the writes, and a reader reads', async () => {
    const pool = start()
    await found(pool)
    expect((await pool.query('select 1')).servedBy).toMatchObject({ server: 'ord', reason: 'own-region' })
    expect((await pool.query('insert into notes values (1)')).servedBy.server).toBe('nrt')
    expect(pool.status().servers.map(({ positions }) => positions)).toEqual(['none', 'none', 'none'])
  })

  test('a session that has written reads from the writer, until the bound in time has passed', async () => {
    const pool = start({ assumeReplicatedAfterMs: 200 })
    await found(pool)
    const session = pool.session()
    const { rows } = await session.query<{ n: number }>('insert into notes values (2) returning n')
    const read = await session.query('select n from notes where n = 2')
    expect({ read: read.rows, by: read.servedBy.role }).toEqual({ read: rows, by: 'primary' })
    await sleep(300)
    expect((await session.query('select 1')).servedBy.role).toBe('replica')
  })

  test('have the password from the function of the cluster’s entry', async () => {
    const { hostname: host, port, username: user, password, pathname } = new URL(world.url('nrt'))
    let asked = 0
    // As a signer does that looks for its credentials first.
    const token = async (): Promise<string> => {
      asked++
      await sleep(20)
      return password
    }
    const pool = start({ primary: { host, port, user, database: pathname.slice(1), password: token } })
    await found(pool)
    expect((await pool.query('select 1')).servedBy.server).toBe('ord')
    expect((await pool.query('insert into notes values (5)')).servedBy.server).toBe('nrt')
    expect(asked).toBeGreaterThan(3)
  })

  test('have a password for each host', async () => {
    const { password } = new URL(world.url('nrt'))
    const hosts = new Set<string>()
    const passwordOf = (host: string): string => {
      hosts.add(host)
      return password
    }
    const pool = start({ passwordOf })
    await found(pool)
    const { hostname } = new URL(world.url('nrt'))
    const endpoints = world.regions.map((region) => new URL(world.url(region)).host)
    expect([...hosts].toSorted()).toEqual([hostname, ...endpoints].toSorted())
  })

  test('are asked for by any of them, whatever the defaults of the role are', async () => {
    for (const region of world.regions) {
      const url = `${world.url(region)}?options=-c%20default_transaction_isolation%3Dserializable%20-c%20statement_timeout%3D1`
      const asked = () => askInstances(new pg.Client({ connectionString: url }), AbortSignal.timeout(5_000))
      // On a busy machine a millisecond may pass before the question has lifted the limit.
      const rows = await asked().catch(asked).catch(asked)
      expect(rows.map(({ instance, writer }) => `${instance} ${writer}`).toSorted()).toEqual([
        'shop-1 true',
        'shop-2 false',
        'shop-3 false',
      ])
      expect(rows.filter(({ age }) => age === undefined).map(({ instance }) => instance)).toEqual([NAMES[region]])
    }
  })
})

describe('an answer that says nothing leaves the list as it was, and is told', () => {
  test.each([
    [
      'no instance',
      'create table saved as table instances; delete from instances',
      'insert into instances table saved; drop table saved',
    ],
    ['no writer', 'update instances set writer = false', "update instances set writer = name = 'shop-1'"],
  ])('%s', async (what, spoil, mend) => {
    const told: string[] = []
    const pool = start()
    pool.on('problem', ({ message }) => told.push(message))
    await found(pool)
    await instances(spoil)
    try {
      await until(() => told.some((message) => message.includes(`named ${what}`)), `"named ${what}"`)
      expect(namesOf(pool)).toEqual(['nrt', 'ord', 'ams'])
    } finally {
      await instances(mend)
    }
  })

  test('a database that is no Aurora', async () => {
    // The functions of the stand-in stand in one database only, and a database is the superuser's to create.
    await administer(world, 'nrt', 'create database plain owner app')
    await caughtUp(world)
    const told: string[] = []
    const pool = start({ primary: { region: 'nrt', url: world.url('nrt').replace(/\/app$/, '/plain') } })
    pool.on('problem', ({ message }) => told.push(message))
    await until(() => told.some((message) => message.includes('it is no Aurora PostgreSQL')), 'to be told')
    expect((await pool.query('select 1')).servedBy.server).toBe('nrt')
  })

  test('one that never comes ends with its time', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    onTestFinished(() => void silent.close())
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const client = new pg.Client({ connectionString: `postgres://app@127.0.0.1:${port}/app` })
    const asked = askInstances(client, AbortSignal.timeout(50))
    await expect(asked).rejects.toMatchObject({ name: 'TimeoutError' })
  })
})

test('a failover: another instance is asked, and the list follows the new writer', async () => {
  const pool = start()
  await found(pool)
  await world.promote('ord')
  expect((await pool.query('insert into notes values (3)')).servedBy.server).toBe('ord')
  // The endpoint's name leads nowhere for a while.
  await world.kill('nrt')
  await ask(world.url('ord'), "update instances set writer = name = 'shop-2', updated = now()")
  await found(pool, ['ord', 'nrt', 'ams'])
  expect((await pool.query('insert into notes values (4)')).servedBy.server).toBe('ord')
})
