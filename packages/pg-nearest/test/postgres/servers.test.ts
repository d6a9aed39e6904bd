import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  createPool,
  isOptionError,
  type NearestPool,
  type NearestPoolOptions,
  type ServerAnswer,
  type ServerList,
} from '../../src/index.ts'
import { connectionsOf } from './connection-counts.ts'
import { ask, healthOf, until, withUsers } from './fixtures.ts'
import { settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

let world: World
let pool: NearestPool | undefined
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 20 })
  await withUsers(world)
})
afterEach(async () => {
  await pool?.destroy()
  await pools.destroyAll()
  pool = undefined
})
afterAll(() => world.stop())

/** The list without some of its replicas, as seen from ord. */
function without(...regions: string[]): ServerList {
  const { primary, replicas } = world.poolOptions('ord')
  const kept = Object.entries(replicas ?? {}).filter(([region]) => !regions.includes(region))
  return { primary, replicas: Object.fromEntries(kept) }
}

function start(list: ServerList, options: Partial<NearestPoolOptions> = {}): NearestPool {
  pool = createPool({ region: 'ord', ...list, ...options })
  return pool
}

const namesOf = ({ servers }: ReturnType<NearestPool['status']>): string[] => servers.map(({ name }) => name)

describe('setServers', () => {
  test('a new region is used, with one line and no restart', async () => {
    const own = start(without('ord', 'syd'))
    expect((await own.query('select 1')).servedBy.server).toBe('nrt')
    expect(own.regions()).toEqual([])
    own.setServers(without('syd'))
    await until(async () => (await own.query('select 1')).servedBy.server === 'ord', 'reads from ord')
    expect(own.regions()).toEqual(['ord'])
    expect((await own.replica('ord').query('select 1')).servedBy).toMatchObject({ server: 'ord', reason: 'asked' })
  })

  test('one that is gone ends what it has begun, and is closed', async () => {
    const own = start(without(), { application_name: 'drained' })
    await own.refresh()
    const handle = own.replica('syd')
    const slow = own.query("select 'slow' as was, pg_sleep(0.6)")
    const held = await own.connect()
    await held.query('begin read only')
    await until(async () => (await connectionsOf(world.url('ord'), 'drained')) >= 3, 'both, and the probe')
    own.setServers(without('ord'))
    expect(healthOf(own.status(), 'ord')).toBe('leaving')
    expect((await own.query('select 1')).servedBy.server).not.toBe('ord')
    expect((await held.query('select 2 as two')).servedBy.server, 'a transaction goes on').toBe('ord')
    await held.query('commit')
    held.release()
    expect(await slow).toMatchObject({ rows: [{ was: 'slow' }], servedBy: { server: 'ord' } })
    await until(() => !namesOf(own.status()).includes('ord'), 'ord to have left')
    await until(async () => (await connectionsOf(world.url('ord'), 'drained')) === 0, 'its connections to be closed')
    expect(own.replica('syd'), 'handles of those that stay are the same').toBe(handle)
    expect(() => own.replica('ord')).toThrow('There is no replica in "ord"')
  })

  test('those that stay keep their connections, and what is known of them', async () => {
    const own = start(without('syd'), { application_name: 'kept', min: 0 })
    // Until the servers have answered, another one may be read.
    await own.refresh()
    await own.query('select 1')
    const before = await ask(
      world.url('ord'),
      "select pid from pg_stat_activity where application_name = 'kept' order by pid",
    )
    own.setServers(without())
    await own.refresh()
    expect(healthOf(own.status(), 'syd')).toBe('up')
    await own.query('select 1')
    const after = await ask(
      world.url('ord'),
      "select pid from pg_stat_activity where application_name = 'kept' order by pid",
    )
    expect(after).toEqual(expect.arrayContaining(before))
  })

  test('another server under an old name: what was known of the first one is forgotten', async () => {
    const own = start(without('syd'), { application_name: 'renamed' })
    await own.query('select 1')
    await own.refresh()
    const { primary, replicas } = world.poolOptions('ord')
    own.setServers({ primary, replicas: { ord: replicas['syd'] ?? '' } })
    expect(healthOf(own.status(), 'ord')).toBe('connecting')
    await own.refresh()
    expect((await own.query('select 1')).servedBy.server).toBe('ord')
    await until(async () => (await connectionsOf(world.url('ord'), 'renamed')) === 0, 'the first one to be left')
    expect(await connectionsOf(world.url('syd'), 'renamed')).toBeGreaterThan(0)
  })

  test('two of one region that change places: nothing is cut, and each keeps its name', async () => {
    const [ord = '', syd = ''] = ['ord', 'syd'].map((region) => world.url(region))
    const { primary } = world.poolOptions('ord')
    // A lane closes behind a read that was slow.
    const own = start({ primary, replicas: { ord: [ord, syd] } }, { application_name: 'swapped', lanes: false })
    await own.refresh()
    const inside = async (): Promise<number> => {
      const client = await own.connect()
      try {
        await client.query('begin isolation level repeatable read read only')
        await client.query('select 1')
        own.setServers({ primary, replicas: { ord: [syd, ord] } })
        return (await client.query<{ n: number }>('select 1 as n')).rows[0]?.n ?? 0
      } finally {
        await client.query('commit')
        client.release()
      }
    }
    const backends = (): Promise<unknown[][]> =>
      Promise.all(
        [ord, syd].map((url) =>
          ask(
            url,
            "select pid, backend_start from pg_stat_activity where application_name = 'swapped' and backend_start is not null",
          ),
        ),
      )
    await Promise.all([own.query('select pg_sleep(0.1)'), own.query('select pg_sleep(0.1)')])
    const { servers } = await own.refresh()
    const before = await backends()
    expect(await inside()).toBe(1)
    const after = (await own.refresh()).servers
    expect(after.map(({ name }) => name)).toEqual(['nrt', 'ord#2', 'ord'])
    const machines = (list: typeof servers): unknown =>
      Object.fromEntries(list.map((each) => [each.name, each.machine]))
    expect(machines(after)).toEqual(machines(servers))
    // Where nothing was free, one more was made.
    expect(await backends()).toEqual(before.map((each): unknown => expect.arrayContaining(each)))
    own.setServers({ primary, replicas: { ord: [syd] } })
    await until(() => namesOf(own.status()).join() === 'nrt,ord#2', 'the first one to be left')
    own.setServers({ primary, replicas: { ord: [syd, ord] } })
    expect(namesOf(own.status()), 'one that comes takes the name that is free').toEqual(['nrt', 'ord#2', 'ord'])
  })

  test('a list that cannot be used is an error, and the one before stays', async () => {
    const own = start(without())
    expect(() => own.setServers({ primary: '' })).toThrow(expect.objectContaining({ code: 'NEAREST_BAD_OPTION' }))
    const nothing = undefined as unknown as ServerList
    expect(() => own.setServers(nothing)).toThrow(expect.objectContaining({ code: 'NEAREST_BAD_OPTION' }))
    const mistyped = { ...without(), replica: {} }
    expect(() => own.setServers(mistyped)).toThrow('Did you mean replicas?')
    const twice = { primary: world.url('nrt'), replicas: { ord: world.url('nrt') } }
    expect(() => own.setServers(twice)).toThrow('replicas.ord is the primary')
    expect(namesOf(own.status())).toEqual(['nrt', 'ord', 'syd'])
  })

  test('what only waits for a connection is not sent to the one that is gone', async () => {
    const url = (as: string): string => `${world.url('nrt')}?application_name=${as}`
    await ask(world.url('nrt'), 'create table if not exists sent (via text); truncate sent')
    const own = start({ primary: { region: 'nrt', url: url('blue') } }, { max: 1 })
    const insert = "insert into sent values (current_setting('application_name'))"
    const gate = await pools.start({ primary: world.url('nrt') })
    const holder = await gate.connect()
    await holder.query('select pg_advisory_lock(1)')
    await own.query('select 1')
    // It has begun, and ends where it is.
    const begun = own.query(`${insert} returning pg_advisory_xact_lock(1)`)
    const borrow = async (): Promise<unknown> => {
      const client = await own.connect()
      return client.query(insert).finally(() => client.release())
    }
    const waiting = Promise.all([
      ...Array.from({ length: 3 }, () => own.query(insert)),
      own.transaction((tx) => tx.query(insert)),
      borrow(),
    ])
    await until(() => own.waitingCount === 5, 'all to wait')
    own.setServers({ primary: { region: 'lhr', url: url('green') } })
    await settled(waiting, 'what waited')
    holder.release(true)
    await begun
    const rows = await ask(world.url('nrt'), 'select via, count(*)::int as n from sent group by via order by via')
    expect(rows).toEqual([
      { via: 'blue', n: 1 },
      { via: 'green', n: 5 },
    ])
  })

  test('a session goes on over a change of servers', async () => {
    const own = start(without())
    await own.session(undefined, async () => {
      await own.query("insert into users (name) values ('Barbara')")
      own.setServers(without('ord'))
      const { rows } = await own.query("select name from users where name = 'Barbara'")
      expect(rows).toEqual([{ name: 'Barbara' }])
    })
  })

  test('from one database to several, and back', async () => {
    const own = start(without('ord', 'syd'))
    await own.query('select 1')
    own.setServers(without())
    await until(async () => (await own.query('select 1')).servedBy.server === 'ord', 'reads from ord')
    own.setServers(without('ord', 'syd'))
    await until(() => namesOf(own.status()).length === 1, 'the others to have left')
    expect((await own.query('select 1')).servedBy.server).toBe('nrt')
  })
})

describe('the region of this process, from a variable of its platform', () => {
  beforeEach(() => {
    vi.stubEnv('VERCEL_REGION', 'syd1')
  })
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  test('is that of a listed server in the same area, and follows the list', async () => {
    const own = start(without('syd'), { region: undefined })
    await own.refresh()
    expect(own.status()).toMatchObject({ region: undefined, unmatchedRegions: ['VERCEL_REGION=syd1'] })
    own.setServers(without())
    await own.refresh()
    expect(own.status()).toMatchObject({ region: 'syd', regionVariable: 'VERCEL_REGION', unmatchedRegions: [] })
    expect((await own.query('select 1')).servedBy).toMatchObject({ server: 'syd', reason: 'own-region' })
  })

  test('is overruled by the option, and false switches it off', () => {
    expect(start(without()).status()).toMatchObject({ region: 'ord', regionVariable: undefined })
    void pool?.destroy()
    expect(start(without(), { region: false }).status()).toMatchObject({ region: undefined, unmatchedRegions: [] })
  })
})

describe('servers: a function', () => {
  test('is read anew, at intervals; what fails or is empty leaves the list as it was, and is told', async () => {
    let answer: () => ServerList | undefined = () => without('syd')
    const told: string[] = []
    const own = start(without('ord', 'syd'), { servers: () => answer(), serversIntervalMs: 100 })
    own.on('problem', ({ message }) => told.push(message))
    await until(() => own.regions().includes('ord'), 'the first answer')
    const failing: readonly [() => unknown, string][] = [
      [() => undefined, 'it named no server'],
      [() => Promise.reject(new Error('no name server for postgres://app:hush@nrt/app')), 'no name server'],
      [() => ({ primary: '' }), 'primary is empty'],
      [() => 5, 'must be an object such as { primary, replicas }'],
    ]
    for (const [fails, says] of failing) {
      told.length = 0
      answer = fails as typeof answer
      await until(() => told.some((message) => message.includes(says)), says)
      expect(told.join(' ')).not.toContain('hush')
      expect(own.regions()).toEqual(['ord'])
      expect(own.status().problems.join(' ')).toContain(says)
    }
    expect(told).toHaveLength(1)
    answer = () => without('ord')
    await until(() => own.regions().join() === 'syd', 'the next list')
    expect(own.status().problems).toEqual([])
  })

  test('is read anew at once when a server goes', async () => {
    let asked = 0
    const own = start(without(), {
      servers: () => {
        asked++
        return asked > 1 ? without('syd') : without()
      },
      serversIntervalMs: 60_000,
    })
    await own.refresh()
    await until(() => asked === 1, 'the first time')
    await world.kill('syd')
    try {
      await until(() => !own.regions().includes('syd'), 'the second time', 5_000)
    } finally {
      await world.start('syd')
    }
  })

  test.each([Number.NaN, Infinity, 2 ** 31, -1, '60000', null])(
    'says what is wrong with a list that wants the next one in %s ms, and is not asked again and again',
    async (serversIntervalMs) => {
      let asked = 0
      const servers = (): ServerAnswer => {
        asked++
        return { ...without(), serversIntervalMs: serversIntervalMs as number }
      }
      const own = start(without(), { servers, serversIntervalMs: 60_000 })
      const problem = new Promise<string>((resolve) => own.once('problem', ({ message }) => resolve(message)))
      expect(await problem).toContain('serversIntervalMs must be a number of milliseconds')
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(asked).toBe(1)
    },
  )

  describe('until it has answered for the first time', () => {
    const nobody = { primary: { region: 'nrt', url: 'postgres://app@127.0.0.1:1/app' } }
    const never = (): Promise<never> => new Promise(() => undefined)

    test('what nobody in the configuration can run waits for it', async () => {
      let answer: (list: ServerList) => void = () => undefined
      const own = start(nobody, { servers: () => new Promise((resolve) => (answer = resolve)) })
      const client = await own.connect()
      const begun = Promise.all([
        own.query('select 1'),
        own.query("insert into users (name) values ('Hedy')"),
        own.transaction((tx) => tx.query("insert into users (name) values ('Edith')")),
        own.replica().query('select 1'),
        client.query('select 1').finally(() => client.release()),
      ])
      await new Promise((resolve) => setTimeout(resolve, 100))
      answer(without())
      await settled(begun, 'what waited for the list')
      expect((await own.query("select 1 from users where name in ('Hedy', 'Edith')")).rowCount).toBe(2)
    })

    test('so does what has begun on a server that fails when it has come', async () => {
      const silent = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1')
      await once(silent, 'listening')
      try {
        const primary = { region: 'nrt', url: `postgres://app@127.0.0.1:${(silent.address() as AddressInfo).port}/app` }
        let answer: ((list: ServerList) => void) | undefined
        const servers = (): Promise<ServerList> => new Promise((resolve) => (answer = resolve))
        const own = pools.create({ region: 'ord', primary, servers, connectTimeoutMs: 500 })
        const client = await own.connect()
        const begun = [own.query('select 1'), own.replica().query('select 1'), client.query('select 1')]
        await until(() => answer !== undefined && own.totalCount > 0, 'a connection and a list that are asked for')
        answer?.({ primary, replicas: { ord: world.url('ord') } })
        const served = await settled(Promise.all(begun), 'what had begun before the list')
        expect(served.map(({ servedBy }) => servedBy.server)).toEqual(['ord', 'ord', 'ord'])
        client.release()
      } finally {
        silent.close()
      }
    })

    test('for failoverTimeoutMs, or its own time; then its error says so', async () => {
      const own = start(nobody, { servers: never, failoverTimeoutMs: 200 })
      const error = await own.query('select 1').catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: 'NEAREST_NO_SERVER' })
      expect(String(error)).toContain('The list of servers was still being fetched')
      const patient = pools.create({ ...nobody, servers: never, failoverTimeoutMs: 20_000 })
      const late = patient.query({ text: 'insert into users (name) values ($1)', values: [''], timeoutMs: 200 })
      await expect(late).rejects.toMatchObject({ code: 'NEAREST_TIMEOUT' })
      await expect(late).rejects.toThrow('for the list of servers')
    })

    test('but neither does what can run wait, nor anything once it has failed', async () => {
      const own = start(without(), { servers: never })
      expect((await own.query('select 1')).servedBy.attempts).toBe(1)
      expect((await own.query("insert into users (name) values ('Mary')")).servedBy.server).toBe('nrt')
      const failing = pools.create({
        ...nobody,
        servers: () => Promise.reject(new Error('no registry')),
        failoverTimeoutMs: 20_000,
      })
      failing.on('problem', () => undefined)
      const failed = settled(failing.query('select 1'), 'a read without a list')
      await expect(failed).rejects.toThrow('The list of servers could not be fetched so far')
    })

    test('nor does a list that fails end the wait for a primary', async () => {
      world.partition('nrt', 'ord')
      let fail: () => void = () => undefined
      const failed = new Promise<never>((_, reject) => (fail = () => reject(new Error('no registry'))))
      const own = start(without(), { servers: () => failed, failoverTimeoutMs: 20_000 })
      own.on('problem', () => undefined)
      const written = own.query("insert into users (name) values ('Rosalind')")
      await new Promise((resolve) => setTimeout(resolve, 500))
      fail()
      await new Promise((resolve) => setTimeout(resolve, 500))
      world.heal('nrt', 'ord')
      expect((await settled(written, 'the write', 20_000)).servedBy.server).toBe('nrt')
    })
  })

  test('is not asked any more when the pool has ended, and must be a function', async () => {
    let asked = 0
    const own = start(without(), { servers: () => void asked++, serversIntervalMs: 100 })
    own.on('problem', () => undefined)
    await until(() => asked > 1, 'a few calls')
    await own.end()
    const then = asked
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(asked).toBe(then)
    const wrong = { ...without(), servers: 'postgres://…' } as unknown as NearestPoolOptions
    expect(() => createPool(wrong)).toThrow(expect.toSatisfy(isOptionError))
  })
})
