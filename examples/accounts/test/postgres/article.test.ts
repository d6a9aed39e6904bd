import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createPool, type NearestPool } from 'pg-nearest'
import { fly } from 'pg-nearest/fly'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { migrateDatabase } from '../../src/database/migrate-database.ts'
import { openPool } from '../../src/database/pool.ts'
import { startServer } from '../../src/server.ts'

/**
 * "Using Fly.io's Multi-region databases with Elixir's Phoenix Framework": what it tells its reader to look at, with this app, and
 * with servers that stand where its do. A leader in nrt, a replica beside it, and later one in ord.
 */
let world: World
let pool: NearestPool | undefined
beforeAll(async () => {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['nrtb'],
    rtt: { 'nrt-nrtb': 0, 'nrt-ord': 128, 'nrtb-ord': 128 },
  })
})
afterAll(async () => {
  await pool?.end()
  await world?.stop()
})

/** The variables of the app's machine in a region. */
const machine = (region: string, replicas: readonly string[]): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  FLY_REGION: region,
  PRIMARY_REGION: 'nrt',
  DATABASE_URL: world.url('nrt', { from: region }),
  REPLICA_REGIONS: replicas.join(','),
  DATABASE_URL_NRT: world.url('nrtb', { from: region === 'nrt' ? 'nrtb' : region }),
  ...(replicas.includes('ord') ? { DATABASE_URL_ORD: world.url('ord', { from: region }) } : {}),
})

const program = fileURLToPath(new URL('../../../../packages/pg-nearest/dist/cli/main.js', import.meta.url))

async function pgNearest(
  env: NodeJS.ProcessEnv,
  ...args: readonly string[]
): Promise<[code: number | null, out: string]> {
  const child = spawn(process.execPath, [program, ...args], { env })
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  return new Promise((resolve) => child.on('close', (code) => resolve([code, out])))
}

interface Listed {
  readonly servers: readonly { readonly name: string; readonly role: string; readonly health: string }[]
}

const rolesOf = (out: string): string[] =>
  (JSON.parse(out) as Listed).servers.map(({ name, role, health }) => `${name} ${role} ${health}`)

describe('VERIFY, in the order of the article', () => {
  test('1: the app is deployed, and users with a name and an age can be saved', async () => {
    pool = openPool(machine('nrt', ['nrt']))
    await migrateDatabase(pool)
    const server = await startServer({ pool, region: 'nrt', port: 0 })
    try {
      const saved = await fetch(`${server.url}/users`, {
        method: 'POST',
        body: new URLSearchParams({ name: 'Ada Lovelace', age: '36' }),
        headers: { Origin: server.url },
        redirect: 'manual',
      })
      expect(saved.status).toBe(303)
      const list = async (): Promise<string> => (await fetch(`${server.url}/users`)).text()
      await vi.waitFor(async () => expect(await list()).toMatch(/Ada Lovelace[\s\S]*36/), { timeout: 10_000 })
    } finally {
      await server.close()
    }
  })

  test('2: the cluster has a leader and a replica', async () => {
    const [code, out] = await pgNearest(machine('nrt', ['nrt']), 'status', '--json')
    expect(code).toBe(0)
    expect(rolesOf(out)).toEqual(['nrt primary up', 'nrt#2 replica up'])
  })

  test('3: the new replica is there when they are listed', async () => {
    await world.addRegion('ord')
    const [, out] = await pgNearest(machine('ord', ['nrt', 'ord']), 'status', '--json')
    expect(rolesOf(out)).toEqual(['nrt primary up', 'nrt#2 replica up', 'ord replica up'])
    const [code, said] = await pgNearest(machine('ord', ['nrt', 'ord']), 'doctor')
    expect(said).toContain('All is well.')
    expect(code).toBe(0)
  })

  test('4: without the replicas in its list the app still reads from and writes to the primary', async () => {
    const { DATABASE_URL } = machine('ord', [])
    await using alone = createPool(fly({ env: { DATABASE_URL } }))
    const { rows, servedBy } = await alone.query("insert into users (name, age) values ('Grace', 45) returning name")
    expect([rows, servedBy?.role]).toEqual([[{ name: 'Grace' }], 'primary'])
    expect(await alone.query("select age from users where name = 'Grace'")).toMatchObject({
      rows: [{ age: 45 }],
      servedBy: { role: 'primary' },
    })
  })
})

describe('its configuration', () => {
  const url = 'postgres://my_app:p%40ss@my-postgres.internal:5432/my_app'
  const env = { DATABASE_URL: url, FLY_REGION: 'ord', PRIMARY_REGION: 'nrt' }

  test('a list of regions; in each the host with the region before it, port 5433, and the rest as for the primary', () => {
    expect(fly({ env, regions: ['ord'] })).toEqual({
      region: 'ord',
      primary: { region: 'nrt', url },
      replicas: { ord: 'postgres://my_app:p%40ss@ord.my-postgres.internal:5433/my_app' },
    })
  })

  test('POOL_SIZE', () => {
    expect(fly({ env: { ...env, POOL_SIZE: '4' }, regions: [] }).max).toBe(4)
  })

  test('one more region is one more entry', () => {
    expect(Object.keys(fly({ env, regions: ['ord', 'syd'] }).replicas ?? {})).toEqual(['ord', 'syd'])
  })

  test('development and tests are one database, whatever the list says', () => {
    const local = { DATABASE_URL: 'postgres://localhost/my_app_dev' }
    expect(fly({ env: local, regions: ['ord', 'syd'] })).toEqual({
      region: undefined,
      primary: { region: undefined, url: local.DATABASE_URL },
      replicas: {},
    })
  })
})

describe('Repo.replica()', () => {
  test('reads from the replica of this region, and cannot write', async () => {
    await using here = createPool(fly({ env: machine('ord', ['nrt', 'ord']) }))
    await here.refresh()
    expect(await here.replica().query('select name from users order by id limit 1')).toMatchObject({
      rows: [{ name: 'Ada Lovelace' }],
      servedBy: { region: 'ord', role: 'replica' },
    })
    await expect(here.replica().query("insert into users (name, age) values ('No', 1)")).rejects.toMatchObject({
      code: 'NEAREST_READ_ONLY_HANDLE',
    })
  })

  test('is the primary where there is no replica, and cannot write there either', async () => {
    await using alone = createPool(fly({ env: { ...machine('ord', []), DATABASE_URL_NRT: undefined } }))
    expect((await alone.replica().query('select 1')).servedBy).toMatchObject({ role: 'primary' })
    await expect(alone.replica().query("insert into users (name, age) values ('No', 1)")).rejects.toMatchObject({
      code: 'NEAREST_READ_ONLY_HANDLE',
    })
  })
})

test('its benchmark: the same query against every region, the nearest first, and by how much the others are slower', async () => {
  const env = machine('nrt', ['ord'])
  const [code, out] = await pgNearest(env, 'bench', '--query', 'select * from users', '--time', '0.3', '--warmup', '0')
  expect(code).toBe(0)
  const [head = '', ...lines] = out.split('\n')
  expect(head).toMatch(/^Name +ips +average +deviation +median +99th %$/)
  expect(lines.slice(0, 2).map((line) => line.slice(0, 3))).toEqual(['nrt', 'ord'])
  expect(out).toMatch(/^Comparison:\nnrt +[\d.]+\nord +[\d.]+ - [\d.]+x slower \+\d+\.\d\d ms$/m)
})
