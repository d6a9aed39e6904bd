import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool } from '../../src/index.ts'
import { addSecret, look, secretsFound } from '../secrets/secret-watch.ts'
import { entryOf } from './rotating-password.ts'
import { rejectionOf } from './settling.ts'
import { startPeer } from './wrong-peers.ts'

// Every file of these tests is watched, and fails at its end if a password was seen: `test/secrets/setup.ts`.

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 5 })
})
afterAll(() => world.stop())

describe('the watch finds a password', () => {
  const password = 'correct horse/battery'
  test.each<[string, () => unknown]>([
    ['in a text', () => `postgres://app:${password}@nrt/app`],
    ['in an error', () => new Error(`no route to ${password}`)],
    ['in the cause of a cause', () => new Error('a', { cause: new Error('b', { cause: new Error(password) }) })],
    ['in a property that is not enumerable', () => Object.defineProperty({}, 'url', { value: password })],
    ['percent-encoded', () => `postgres://app:${encodeURIComponent(password)}@nrt/app`],
  ])('%s', (_, make) => {
    addSecret(password)
    look('here', make())
    expect(secretsFound().leaks).toMatchObject([{ where: 'here', text: expect.not.stringContaining(password) }])
  })

  test('on standard output', () => {
    addSecret('another-long-secret')
    process.stdout.write('a log line with another-long-secret in it\n')
    expect(secretsFound().leaks).toMatchObject([{ where: 'output', text: 'a log line with <the password> in it\n' }])
  })
})

test('it looks at what this library emits, throws and shows', async () => {
  secretsFound()
  const pool = createPool({ ...world.poolOptions('ord'), failoverTimeoutMs: 100 })
  pool.on('topology', () => undefined)
  pool.on('problem', () => undefined)
  pool.on('query', () => undefined)
  pool.on('error', () => undefined)
  await pool.refresh()
  await pool.query('select 1')
  await expect(pool.query('select wrong')).rejects.toThrow('wrong')
  await world.kill('nrt')
  await expect(pool.query('create table t ()')).rejects.toThrow('No server that takes writes')
  await world.start('nrt')
  await pool.end()
  const { leaks, looks } = secretsFound()
  expect(looks, 'events, errors and inspections').toBeGreaterThan(10)
  expect(leaks).toEqual([])
})

test('it knows the passwords of functions and of configuration objects, and sees none of them', async () => {
  secretsFound()
  const { host, port, user, database, password } = entryOf(world.url('nrt'))
  const fromFunction = 'given-by-a-function'
  const fromObject = 'given-by-an-object'
  const pool = createPool({
    primary: { host, port, user, database, password: () => Promise.resolve(fromFunction) },
    replicas: { ord: { port: new URL(world.url('ord')).port, host, password: fromObject } },
    failoverTimeoutMs: 100,
  })
  pool.on('topology', () => undefined)
  pool.on('problem', () => undefined)
  await pool.refresh()
  await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'NEAREST_AUTHENTICATION' })
  pool.setServers({ primary: { host, port, user, database, password } })
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await pool.end()
  const { leaks, looks } = secretsFound()
  expect(looks).toBeGreaterThan(4)
  expect(leaks).toEqual([])
  for (const secret of [fromFunction, fromObject]) {
    look('here', `a text with ${secret} in it`)
    expect(secretsFound().leaks, 'it is watched').toHaveLength(1)
  }
})

test('a server that repeats a password which it refuses is not quoted so far', async () => {
  secretsFound()
  await using primary = await startPeer('repeatsPassword')
  await using ord = await startPeer('repeatsPassword')
  await using syd = await startPeer('repeatsPassword')
  const url = (password: string, { port }: { readonly port: number }): string =>
    `postgres://app:${encodeURIComponent(password)}@127.0.0.1:${port}/app?sslmode=disable`
  const ofFunction = 'again-by-a-function'
  const pool = createPool({
    primary: url('c0rrect horse/$battery', primary),
    replicas: {
      ord: { host: '127.0.0.1', port: ord.port, user: 'app', database: 'app', password: () => ofFunction },
      syd: url('app', syd), // a name that is no secret
    },
    failoverTimeoutMs: 100,
  })
  const { problems } = await pool.refresh()
  const told = (name: string): string =>
    `${name} refused the user or the password (password "…" is wrong, as in postgres://app:…@db/app): check them in its URL, or its entry.`
  expect(problems.slice(0, 2)).toEqual([told('primary'), told('ord')])
  expect(problems[2]).toContain('password "app" is wrong')
  const refused = await rejectionOf(pool.query('create table t ()'), 'the write', 10_000)
  expect(String(refused)).toContain('password "…" is wrong')
  await pool.end()
  const { leaks } = secretsFound()
  expect(leaks).toEqual([])
})
