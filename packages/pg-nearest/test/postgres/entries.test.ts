import { Socket } from 'node:net'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  isNoServerError,
  isPasswordError,
  type NearestPool,
  type NearestPoolOptions,
  type ServerOptions,
} from '../../src/index.ts'
import { addSecret } from '../secrets/secret-watch.ts'
import { startBreakingProxy } from './breaking-proxy.ts'
import { connectionsOf } from './connection-counts.ts'
import { administer, ask, asking, healthOf, nextProblem, until, withUsers } from './fixtures.ts'
import { connectUnderRotation, entryOf } from './rotating-password.ts'
import { TEST_CERTIFICATE } from './test-certificate.ts'
import { TestPools } from './test-pools.ts'

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 5 })
  await withUsers(world)
})
afterEach(() => pools.destroyAll())
afterAll(() => world.stop())

const nrt = (): ServerOptions => ({ region: 'nrt', ...entryOf(world.url('nrt')) })
const ord = (): ServerOptions => entryOf(world.url('ord'))
const portOf = (region: string): string => new URL(world.url(region)).port

function start(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  return pools.start({ region: 'ord', primary: nrt(), replicas: { ord: ord() }, ...options })
}

describe("pg's own configuration", () => {
  test('works as a URL does, and a host alone has the rest from the primary', async () => {
    const pool = await start({
      replicas: { ord: { host: 'localhost', port: portOf('ord') }, syd: `127.0.0.1:${portOf('syd')}` },
    })
    const { rows, servedBy } = await pool.query('select current_user as me, current_database() as db')
    expect({ ...rows[0], server: servedBy.server }).toEqual({ me: 'app', db: 'app', server: 'ord' })
    expect(healthOf(pool.status(), 'syd')).toBe('up')
    expect((await pool.query("insert into users (name) values ('Barbara')")).servedBy.server).toBe('nrt')
  })

  test('settings and the number of connections are the server’s own', async () => {
    const replica = {
      ...ord(),
      max: 1,
      application_name: 'near',
      statement_timeout: 12_345,
      options: '-c work_mem=123kB',
    }
    const pool = await start({ replicas: { ord: replica } })
    const asked =
      "select current_setting('application_name') as name, current_setting('work_mem') as mem, current_setting('statement_timeout') as ms"
    expect((await pool.replica('ord').query(asked)).rows).toEqual([{ name: 'near', mem: '123kB', ms: '12345ms' }])
    expect((await pool.primary.query(asked)).rows).not.toMatchObject([{ name: 'near' }])
    const sleeping = { text: 'select pg_backend_pid() as pid, pg_sleep(0.02)' }
    const results = await Promise.all([1, 2, 3].map(() => pool.replica('ord').query<{ pid: number }>(sleeping)))
    expect(new Set(results.map(({ rows }) => rows[0]?.pid)).size).toBe(1)
    await until(async () => (await connectionsOf(world.url('ord'), 'near')) === 2, 'that one, and the one of the probe')
  })

  test('ssl is the server’s own, for statements, probes and cancel requests', async () => {
    const proxy = await startBreakingProxy(world.url('ord'), { tls: true })
    try {
      const tls = { ...entryOf(proxy.url), ssl: { ca: TEST_CERTIFICATE.cert } }
      const pool = await start({ replicas: { ord: tls, syd: { ...tls, port: portOf('syd') } } })
      expect(pool.status().servers.map(({ health }) => health)).toEqual(['up', 'up', 'down'])
      const handle = pool.replica('ord')
      await expect(handle.query({ text: 'select pg_sleep(31)', timeoutMs: 300 })).rejects.toMatchObject({
        code: 'NEAREST_TIMEOUT',
      })
      const running = "select 1 from pg_stat_activity where state = 'active' and query = 'select pg_sleep(31)'"
      await until(async () => (await administer(world, 'ord', running)).length === 0, 'the statement to be cancelled')
      expect((await handle.query({ text: 'select 1', consistency: 'eventual' })).servedBy.server).toBe('ord')
    } finally {
      await proxy.stop()
    }
  })

  test('a certificate is checked for the host, and not for the address that is connected to', async () => {
    const proxy = await startBreakingProxy(world.url('ord'), { tls: true })
    try {
      const checked: string[] = []
      const ssl = {
        ca: TEST_CERTIFICATE.cert,
        checkServerIdentity: (name: string) => void checked.push(name),
      }
      const { host: hostaddr, ...rest } = entryOf(proxy.url)
      const named = { ...rest, host: 'ord.db.internal', hostaddr }
      const pool = await start({ replicas: { ord: { ...named, ssl }, syd: { ...named, port: portOf('syd') } } })
      expect((await pool.replica('ord').query('select 1')).servedBy.server).toBe('ord')
      expect((await pool.replica('syd').query('select 1')).servedBy.server).toBe('syd')
      expect(new Set(checked)).toEqual(new Set(['ord.db.internal']))
      const strict = pools.create({ primary: { ...named, ssl: { ca: TEST_CERTIFICATE.cert } }, failoverTimeoutMs: 0 })
      await expect(strict.query('select 1')).rejects.toThrow(/ord\.db\.internal/)
    } finally {
      await proxy.stop()
    }
  })

  test('a password beside a URL counts, for cancel requests, too', async () => {
    const url = new URL(world.url('nrt'))
    const { password } = url
    url.password = 'an-old-password'
    const pool = pools.create({ primary: { url: url.href, password: () => decodeURIComponent(password) } })
    await expect(pool.query({ text: 'select pg_sleep(30)', timeoutMs: 200 })).rejects.toMatchObject({
      code: 'NEAREST_TIMEOUT',
    })
    const running = "select 1 from pg_stat_activity where state = 'active' and query = 'select pg_sleep(30)'"
    await until(async () => (await administer(world, 'nrt', running)).length === 0, 'the statement to be cancelled')
  })

  test('a stream of the user’s makes every connection: for statements, probes and cancel requests', async () => {
    const made: Socket[] = []
    const stream = (): Socket => {
      const socket = new Socket()
      // As connectors do: where it leads is their business.
      const connect = socket.connect.bind(socket) as (port: number, host: string) => Socket
      Object.assign(socket, { connect: () => connect(Number(portOf('nrt')), '127.0.0.1') })
      made.push(socket)
      return socket
    }
    const { host: _, port: __, ...login } = entryOf(world.url('nrt'))
    const pool = await pools.start({ primary: { ...login, stream } })
    expect(made.length, 'the probe').toBeGreaterThan(0)
    await pool.query('select 1')
    const before = made.length
    await expect(pool.query({ text: 'select pg_sleep(30)', timeoutMs: 200 })).rejects.toMatchObject({
      code: 'NEAREST_TIMEOUT',
    })
    await until(() => made.length > before, 'the cancel request')
    expect((await pool.query('select 2 as two')).rows).toEqual([{ two: 2 }])
  })

  test.each<[string, () => never]>([
    [
      'throws',
      () => {
        throw new Error('no route to the connector')
      },
    ],
    ['returns something else', () => 'a socket' as never],
  ])('a stream that %s is that server’s trouble only', async (_, stream) => {
    const pool = await start({ replicas: { ord: { ...ord(), stream } } })
    expect(healthOf(pool.status(), 'ord')).toBe('down')
    expect((await pool.query('select 1')).servedBy.server).toBe('nrt')
    const alone = pools.create({ primary: { ...nrt(), stream } })
    await expect(alone.query('select 1')).rejects.toMatchObject({ code: 'NEAREST_NO_SERVER' })
  })
})

/** Where others have both cores, a server may take a second to ask for a password at all. */
const LOGIN_MS = 2_500

describe('a password function', () => {
  const broken: readonly [string, () => Promise<string>, RegExp][] = [
    [
      'that throws',
      () => Promise.reject(Object.assign(new Error('the-token-of-the-vault'), { name: 'ExpiredTokenException' })),
      /has failed \(ExpiredTokenException\)/,
    ],
    ['that hangs', () => new Promise(() => undefined), /did not answer in time/],
    ['that returns no text', () => Promise.resolve(undefined as never), /has not returned a text/],
  ]
  test.each(broken)('%s is that server’s trouble only, with its name and its code', async (_, password, says) => {
    const pool = await start({ connectTimeoutMs: LOGIN_MS, replicas: { ord: { ...ord(), password } } })
    // Where others have both cores, the server may be late itself.
    const problemOfOrd = (): string | undefined => pool.status().servers.find(({ name }) => name === 'ord')?.problem
    await until(() => says.test(problemOfOrd() ?? ''), `a problem that says ${says.source}`)
    const message = problemOfOrd()
    expect(message).not.toContain('vault')
    expect((await pool.query('select 1')).servedBy.server).toBe('nrt')
    const alone = pools.create({ connectTimeoutMs: LOGIN_MS, primary: { ...nrt(), password } })
    const error: unknown = await alone.query('select 1').catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'NEAREST_PASSWORD', message: expect.stringMatching(says) })
    expect(isNoServerError(error) && error.attempts.every((attempt) => isPasswordError(attempt.error))).toBe(true)
    expect(error).toMatchObject({ attempts: [{ server: 'nrt', error: { code: 'NEAREST_PASSWORD', server: 'nrt' } }] })
  })

  test('that begins to hang cuts nothing that runs', async () => {
    let hangs = false
    let hung = 0
    const { password } = entryOf(world.url('ord'))
    const hanging = (): Promise<string> => {
      hung++
      return new Promise(() => undefined)
    }
    const pool = await start({
      connectTimeoutMs: LOGIN_MS,
      probeIntervalMs: 3_000,
      probeTimeoutMs: LOGIN_MS,
      silenceTimeoutMs: LOGIN_MS,
      replicas: { ord: { ...ord(), password: () => (hangs ? hanging() : password) } },
    })
    const client = await pool.replica('ord').connect()
    await client.query('begin read only')
    hangs = true
    // The probe has to make a new connection, in vain. The one that it has ends while it is idle, which lasts for an interval behind a
    // refresh: in the middle of a question it would be told what a server that stops says. Only the superuser may end others' connections.
    await asking(world.url('ord', { as: 'superuser' }), (superuser) =>
      until(async () => {
        await pool.refresh()
        const { rowCount } = await superuser.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pg-nearest monitor' and state = 'idle'",
        )
        return (rowCount ?? 0) > 0
      }, 'an idle probe'),
    )
    await until(() => hung >= 4 && healthOf(pool.status(), 'ord') !== 'up', 'the probe to fail again and again', 30_000)
    expect(healthOf(pool.status(), 'ord')).toBe('suspect')
    expect((await client.query('select 1 as one')).servedBy.server).toBe('ord')
    await client.query('commit')
    client.release()
  })

  test('is asked again, but not for ever, when its password was refused: it may have changed in that moment', async () => {
    let asked = 0
    const { password } = entryOf(world.url('nrt'))
    const changing = pools.create({
      primary: { ...nrt(), password: () => (asked++ === 0 ? 'of-a-moment-ago' : password) },
    })
    expect((await changing.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect(asked).toBe(2)
    asked = 0
    const wrong = pools.create({ primary: { ...nrt(), password: () => `a-wrong-password-${asked++}` } })
    await expect(wrong.query('select 1')).rejects.toMatchObject({ code: 'NEAREST_AUTHENTICATION' })
    expect(asked).toBe(3)
    const pool = await start({
      replicas: { ord: { ...ord(), password: () => (asked++ === 3 ? 'of-a-moment-ago' : password) } },
    })
    expect(healthOf(pool.status(), 'ord'), 'by the probe, too').toBe('up')
  })

  test('whose password changes all the time: nothing fails, and nothing is cut', async () => {
    const { connections, changes, failures, written } = await connectUnderRotation(world, 100, 150)
    expect(failures).toEqual([])
    expect(connections).toBeGreaterThanOrEqual(100)
    expect(changes).toBeGreaterThan(2)
    expect(written).toBeGreaterThan(0)
  })
})

test('a changed password in the list is no change of server: nothing is drained, new connections use it', async () => {
  const asAdmin = (text: string): Promise<unknown> => administer(world, 'nrt', text)
  // Only the superuser may create roles.
  await asAdmin("create role clerk login password 'the-clerks-first-password'; grant all on users to clerk")
  addSecret('the-clerks-first-password')
  addSecret('the-clerks-second-password')
  const list = (password: string): { primary: ServerOptions; replicas: Record<string, ServerOptions> } => ({
    primary: { region: 'nrt', url: world.url('nrt').replace(/(?<=\/\/)[^@]*/, `clerk:${password}`) },
    replicas: { ord: { ...ord(), user: 'clerk', password } },
  })
  let current = 'the-clerks-first-password'
  const pool = await start({ ...list(current), servers: () => list(current), serversIntervalMs: 100, max: 4 })
  await until(() => pool.status().servers.every(({ health }) => health === 'up'), 'the role to be replicated')
  const pidOf = async (on: Pick<NearestPool, 'query'>): Promise<unknown> =>
    (await on.query('select pg_backend_pid() as pid')).rows[0]
  const client = await pool.connect()
  await client.query('begin')
  const pinned = await pidOf(client)
  const idle = await pidOf(pool.primary)
  await asAdmin("alter role clerk password 'the-clerks-second-password'")
  current = 'the-clerks-second-password'
  pool.setServers(list(current))
  expect(pool.status().servers.map(({ health }) => health)).toEqual(['up', 'up'])
  expect(await pidOf(client), 'what was begun').toEqual(pinned)
  expect(await pidOf(pool.primary), 'what was idle').toEqual(idle)
  await client.query('commit')
  client.release()
  const used = await Promise.all([1, 2, 3, 4].map(() => pool.primary.query('select pg_backend_pid(), pg_sleep(0.05)')))
  expect(used, 'on new connections').toHaveLength(4)
  const { servedBy } = await pool.query({ text: 'select 1', consistency: 'eventual' })
  expect(servedBy.server).toBe('ord')
})

test('a server that asks for a password that nobody has given is told so', async () => {
  const { password: _, ...login } = entryOf(world.url('nrt'))
  const pool = pools.create({ primary: login })
  await expect(pool.query('select 1')).rejects.toMatchObject({
    code: 'NEAREST_AUTHENTICATION',
    message: expect.stringContaining('primary asks for a password, and there is none'),
  })
})

test('ssl that sslmode in the URL overrides is told at creation, also with one database', async () => {
  const pool = pools.create({ primary: `${world.url('nrt')}?sslmode=disable`, ssl: { rejectUnauthorized: false } })
  const { message } = await nextProblem(pool, 'primary')
  expect(message).toContain('the option ssl has no effect there, because sslmode')
  expect(pool.status().problems).toEqual([message])
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

describe('several hosts in one URL', () => {
  test('are taken apart, and whoever of them is the primary takes the writes, also while the first is down', async () => {
    const url = new URL(world.url('nrt'))
    const several = world
      .url('nrt')
      .replace(url.host, `127.0.0.1:1,127.0.0.1:${portOf('nrt')}`)
      .concat('?target_session_attrs=read-write&load_balance_hosts=random')
    const pool = await pools.start({ primary: { region: 'nrt', url: several } })
    expect(pool.status().servers.map(({ name, role }) => `${name} ${role}`)).toEqual(['nrt unknown', 'nrt#2 primary'])
    expect((await pool.query("insert into users (name) values ('Grace Murray')")).servedBy.server).toBe('nrt#2')
    expect((await pool.query('select 1')).servedBy.server).toBe('nrt#2')
  })
})

describe('weights and labels', () => {
  test('weight 0 is read from only if nothing else is left, and by its label', async () => {
    const reporting = { ...ord(), weight: 0, labels: ['reporting'] }
    const pool = await start({ replicas: { ord: reporting } })
    expect((await pool.query('select 1')).servedBy).toMatchObject({ server: 'nrt', reason: 'no-replica' })
    const handle = pool.replica({ label: 'reporting' })
    const eventual = { text: 'select 1', consistency: 'eventual' } as const
    expect((await handle.query(eventual)).servedBy).toMatchObject({ server: 'ord', reason: 'asked' })
    await expect(handle.query("insert into users (name) values ('nobody')")).rejects.toMatchObject({
      code: 'NEAREST_READ_ONLY_HANDLE',
      cause: { code: '25006' },
    })
    expect(pool.replica({ label: 'reporting' })).toBe(handle)
    await world.kill('nrt')
    try {
      await until(() => healthOf(pool.status(), 'nrt') === 'down', 'the primary to be down')
      expect((await pool.query(eventual)).servedBy.server).toBe('ord')
    } finally {
      await world.start('nrt')
    }
  })

  test('a label that nobody has is an error, and with one database every label is accepted', async () => {
    const pool = await start()
    expect(() => pool.replica({ label: 'reporting' })).toThrow(
      expect.objectContaining({ code: 'NEAREST_UNKNOWN_LABEL' }),
    )
    const alone = pools.create({ primary: nrt() })
    expect((await alone.replica({ label: 'reporting' }).query('select 1 as one')).rows).toEqual([{ one: 1 }])
    expect(await ask(world.url('nrt'), 'select 1 as one')).toEqual([{ one: 1 }])
  })
})
