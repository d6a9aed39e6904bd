import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWorld, WorldError, type World } from 'pg-nearest-world'
import { ask, open, until } from './world-support.ts'

const replicas = ['ord', 'syd', 'atl', 'ams']
let world: World
const steps: string[] = []
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas, onProgress: ({ step }) => steps.push(step) })
})
afterAll(() => world.stop())

test('it says what it does as it boots', () => {
  expect(steps).toHaveLength(7)
  expect(steps.slice(0, 2)).toEqual(['preparing PostgreSQL', 'laying the links'])
  expect(steps.slice(2).toSorted()).toEqual([
    'ams follows',
    'atl follows',
    'nrt takes writes',
    'ord follows',
    'syd follows',
  ])
})

test('every replica gets what the primary is told, and takes no writes itself', async () => {
  await ask(world.url('nrt'), 'create table told (n int)')
  await ask(world.url('nrt'), 'insert into told values (7)')
  for (const region of replicas) {
    await until(async () => (await ask<number>(world.url(region), 'select n as value from told')) === 7)
    await expect(ask(world.url(region), 'insert into told values (8)')).rejects.toMatchObject({ code: '25006' })
  }
})

test('each replica streams across its own link, under its own name', async () => {
  const names = await ask<string>(
    // A superuser sees who streams.
    world.url('nrt', { as: 'superuser' }),
    `select string_agg(application_name, ' ' order by application_name) as value
       from pg_stat_replication where state = 'streaming'`,
  )
  expect(names).toBe('ams atl ord syd')
})

const OWNED = `select format('%s, database %s of %s', current_user, datname, pg_get_userbyid(datdba)) as value
  from pg_database where datname = current_database()`

test('an app is told its own replica, and the others across their links', () => {
  const { region, primary, replicas: urls } = world.poolOptions('ord')
  expect(region).toBe('ord')
  expect(primary).toEqual({ region: 'nrt', url: world.url('nrt', { from: 'ord' }) })
  expect(Object.keys(urls).toSorted()).toEqual(replicas.toSorted())
  expect(urls['ord']).toBe(world.url('ord'))
  expect(urls['syd']).toBe(world.url('syd', { from: 'ord' }))
  expect(world.url('syd', { from: 'ord' })).not.toBe(world.url('syd'))
  expect(world.poolOptions('nrt').primary.url).toBe(world.url('nrt'))
})

test('an app’s role owns its database, and may do nothing else', async () => {
  const attributes = `select row(rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls)::text as value
    from pg_roles where rolname = current_user`
  expect(await ask(world.url('ord'), OWNED)).toBe('app, database app of app')
  expect(await ask(world.url('ord'), attributes)).toBe('(f,f,f,f,f)')
  expect(await ask(world.url('ord', { as: 'superuser' }), OWNED)).toBe('postgres, database app of app')
  expect(await ask(world.url('nrt', { from: 'ord', as: 'superuser' }), attributes)).toBe('(t,t,t,t,t)')
})

test('the wrong password is refused, and a socket file there is none', async () => {
  const url = new URL(world.url('ord'))
  url.password = 'wrong'
  await expect(open(url.href)).rejects.toMatchObject({ code: '28P01' })
  // A superuser may look at such settings.
  const admin = world.url('ord', { as: 'superuser' })
  expect(await ask<string>(admin, `select current_setting('unix_socket_directories') as value`)).toBe('')
})

test('the status names roles, positions and processes', async () => {
  const status = await world.status()
  expect(status.map(({ region, role }) => [region, role])).toEqual([
    ['nrt', 'primary'],
    ...replicas.map((region) => [region, 'replica']),
  ])
  for (const { lsn, pid, replayPaused } of status) {
    expect(lsn).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/)
    expect(pid).toBeGreaterThan(1)
    expect(replayPaused).toBe(false)
  }
})

test.each([
  [{ primary: 'NRT' }, 'WORLD_BAD_OPTION', '"NRT" is none'],
  [{ primary: 'nrt', replicas: ['nrt'] }, 'WORLD_BAD_OPTION', 'named twice'],
  [{ primary: 'nrt', replicas: ['ord', ''] }, 'WORLD_BAD_OPTION', '"" is none'],
  [{ primary: 'nrt', replicas: 'ord' }, 'WORLD_BAD_OPTION', 'must be an array'],
  [{ primary: 'nrt', replica: ['ord'] }, 'WORLD_BAD_OPTION', 'no option "replica"'],
  [{ primary: 'nrt', replicas: ['xyz'] }, 'WORLD_UNKNOWN_REGION', 'option rtt'],
  [{ primary: 'a', replicas: ['b'], rtt: -1 }, 'WORLD_BAD_OPTION', 'at least 0'],
  [{ primary: 'a', replicas: ['b'], rtt: { 'a-b': Number.POSITIVE_INFINITY } }, 'WORLD_BAD_OPTION', 'finite'],
  [{ primary: 'a', replicas: ['b'], rtt: { ab: 3 } }, 'WORLD_BAD_OPTION', '"ab" is none'],
  [{ primary: 'nrt', database: 'a"b' }, 'WORLD_BAD_OPTION', 'plain lower-case name'],
  [{ primary: 'nrt', settings: { work_mem: 3 } }, 'WORLD_BAD_OPTION', 'as texts'],
  [{ primary: 'nrt', binaries: '/nowhere' }, 'WORLD_NO_POSTGRES', '/nowhere'],
  [{ primary: 'nrt', settings: { work_mem: 'lots' } }, 'WORLD_SERVER_FAILED', 'invalid value for parameter "work_mem"'],
])('%j is refused', async (options, code, words) => {
  const failure: unknown = await startWorld(options as never).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(WorldError)
  expect(failure).toMatchObject({ code, message: expect.stringContaining(words) })
})

test('regions that nobody knows need distances only; database and settings can be chosen', async () => {
  await using small = await startWorld({
    primary: 'a',
    replicas: ['b', 'c'],
    rtt: { 'b-a': 10, 'a-c': 20, 'b-c': 0 },
    database: 'shop',
    settings: { work_mem: '7MB' },
  })
  expect([small.rtt('a', 'b'), small.rtt('c', 'a'), small.rtt('b', 'c'), small.rtt('a', 'a')]).toEqual([10, 20, 0, 0])
  await until(async () => (await ask(small.url('c'), `select 'x' as value`)) === 'x')
  expect(await ask(small.url('b'), `select current_database() || current_setting('work_mem') as value`)).toBe('shop7MB')
  expect(await ask(small.url('b'), OWNED)).toBe('app, database shop of app')
})

test('what cannot be done is refused in words', async () => {
  await using small = await startWorld({ primary: 'a', replicas: ['b'], rtt: 0 })
  const cases: readonly [() => unknown, string][] = [
    [() => small.url('zzz'), 'WORLD_UNKNOWN_REGION'],
    [() => small.url('a', { from: 'zzz' }), 'WORLD_UNKNOWN_REGION'],
    [() => small.setRtt('a', 'a', 1), 'WORLD_BAD_OPTION'],
    [() => small.setRtt('a', 'b', Number.NaN), 'WORLD_BAD_OPTION'],
    [() => small.setBandwidth('a', 'b', 0), 'WORLD_BAD_OPTION'],
    [() => small.partition('a', 'zzz'), 'WORLD_UNKNOWN_REGION'],
    [() => small.kill('zzz'), 'WORLD_UNKNOWN_REGION'],
    [() => small.pauseReplay('a'), 'WORLD_WRONG_STATE'],
    [() => small.promote('a'), 'WORLD_WRONG_STATE'],
    [() => small.addRegion('b'), 'WORLD_BAD_OPTION'],
    [() => small.addRegion('B!'), 'WORLD_BAD_OPTION'],
  ]
  for (const [deed, code] of cases) {
    await expect((async () => deed())()).rejects.toMatchObject({ name: 'WorldError', code })
  }
  await small.stop()
  await small.stop()
  expect(() => small.url('a')).toThrow(expect.objectContaining({ code: 'WORLD_STOPPED' }))
  await expect(small.kill('a')).rejects.toMatchObject({ code: 'WORLD_STOPPED' })
})

test('stopping leaves no process, no folder and no port', async () => {
  const short = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  // A superuser may know where the data is.
  const admin = short.url('ord', { as: 'superuser' })
  const folder = await ask<string>(admin, `select current_setting('data_directory') as value`)
  const pids = (await short.status()).map(({ pid }) => pid ?? 0)
  const urls = [
    short.url('nrt'),
    short.url('ord'),
    short.url('nrt', { from: 'ord' }),
    short.url('ord', { from: 'nrt' }),
  ]
  expect(folder !== undefined && existsSync(folder)).toBe(true)
  await short.stop()
  expect(folder === undefined || existsSync(folder.replace(/\/ord$/, ''))).toBe(false)
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  for (const url of urls) {
    const refused = new Promise((resolve) => connect(Number(new URL(url).port), '127.0.0.1').once('error', resolve))
    expect(await refused).toMatchObject({ code: 'ECONNREFUSED' })
  }
})
