import { once } from 'node:events'
import { inspect } from 'node:util'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPool, isNoServerError, type NearestPool, type ProblemEvent } from '../../src/index.ts'
import { nextProblem, until, withUsers } from './fixtures.ts'
import { rejectionOf } from './settling.ts'

/** Longer than a write waits for another primary. */
const BOUND_MS = 30_000

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 20 })
  await withUsers(world)
})
afterAll(() => world.stop())

const WRONG = 'wr0ng-s3cret'
function withPassword(url: string, password: string): string {
  return Object.assign(new URL(url), { password }).href
}

/** As it is: on a busy machine its first probes may have been slower than those of the primary, to which there is a way of 20 ms. */
async function untilNearer(pool: NearestPool, near: string, far: string): Promise<void> {
  const rttMsOf = (name: string): number =>
    pool.status().servers.find((server) => server.name === name)?.rttMs ?? Infinity
  await until(() => pool.refresh().then(() => rttMsOf(near) < rttMsOf(far)), `${near} to be nearer than ${far}`)
}

describe('what is wrong is said, and what can work goes on working', () => {
  test('a replica URL that is the primary’s by another way', async () => {
    const { region, primary } = world.poolOptions('ord')
    await using pool = createPool({ region, primary, replicas: { ord: world.url('nrt'), syd: world.url('syd') } })
    const told = await nextProblem(pool, 'ord')
    expect(told.message).toContain('replicas.ord is the primary itself: check its URL')
    await untilNearer(pool, 'syd', 'nrt')
    const { servedBy } = await pool.query('select 1')
    expect(servedBy.server, 'passed over').toBe('syd')
    expect(pool.status().problems.join()).toContain('replicas.ord is the primary itself')
  })

  test('a replica of another cluster', async () => {
    await using other = await startWorld({ primary: 'fra', replicas: ['ams'], rtt: 5, fresh: true })
    const { region, primary } = world.poolOptions('ord')
    await using pool = createPool({ region, primary, replicas: { ord: other.url('ams'), syd: world.url('syd') } })
    const told = await nextProblem(pool, 'ord')
    expect(told.message).toContain('ord belongs to another cluster than nrt')
    await untilNearer(pool, 'syd', 'nrt')
    const { rows, servedBy } = await pool.query('select count(*)::int as n from users')
    expect(rows).toEqual([{ n: 3 }])
    expect(servedBy.server).toBe('syd')
  })

  test('a wrong password for a replica: reported, and passed over', async () => {
    const options = world.poolOptions('ord')
    const ord = withPassword(world.url('ord'), WRONG)
    await using pool = createPool({ ...options, replicas: { ...options.replicas, ord } })
    const told = await nextProblem(pool, 'ord')
    expect(told.message).toMatch(/ord refused the user or the password .*: check them in its URL/)
    const { servedBy } = await pool.query('select name from users')
    expect(['syd', 'nrt']).toContain(servedBy.server)
    expectNoSecret(told, pool.status(), JSON.stringify(pool.status()), pool)
  })

  test('a wrong password for the primary: reads go on, a write says what to do', async () => {
    const options = world.poolOptions('ord')
    const url = withPassword(options.primary.url, WRONG)
    await using pool = createPool({ ...options, primary: { ...options.primary, url } })
    expect((await pool.query('select count(*)::int as n from users')).rows).toEqual([{ n: 3 }])
    const refused = await rejectionOf(pool.query("insert into users (name) values ('Nobody')"), 'the write', BOUND_MS)
    expect(refused).toMatchObject({ name: 'NoServerError', code: 'NEAREST_AUTHENTICATION' })
    expect(String(refused)).toMatch(/nrt refused the user or the password .*: check them in its URL/)
    expectNoSecret(refused, pool.status(), pool)
  })

  test('no primary that can be reached', async () => {
    const options = world.poolOptions('ord')
    const nowhere = 'postgres://app:wr0ng-s3cret@127.0.0.1:9/app'
    await using pool = createPool({ ...options, primary: { region: 'nrt', url: nowhere } })
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    const refused = await rejectionOf(pool.query("insert into users (name) values ('Nobody')"), 'the write', BOUND_MS)
    expect(refused).toMatchObject({ code: 'NEAREST_NO_SERVER' })
    expect(String(refused)).toContain(
      'nrt refused the connection: nothing listens on port 9 of 127.0.0.1. Check that it runs, and whether the port is right.',
    )
    expectNoSecret(refused, pool)
  })

  test('a primary that is a standby: its own refusal, once, and reads go on', async () => {
    await using pool = createPool({ primary: world.url('ord') })
    await pool.refresh()
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await expect(pool.query("insert into users (name) values ('Nobody')")).rejects.toMatchObject({ code: '25006' })
    await expect(pool.query('select hit()')).rejects.toMatchObject({ code: '25006' })
    const client = await pool.connect()
    await expect(client.query("insert into users (name) values ('Nobody')")).rejects.toMatchObject({ code: '25006' })
    client.release()
  })

  test('a primary that is a standby, among standbys: a write waits for a promotion, and then says so; reads go on', async () => {
    await using pool = createPool({
      region: 'ord',
      primary: { region: 'nrt', url: world.url('syd') },
      replicas: { ord: world.url('ord') },
      failoverTimeoutMs: 200,
    })
    await pool.refresh()
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    const client = await pool.connect()
    for (const run of [pool, client]) {
      await expect(run.query("insert into users (name) values ('Nobody')")).rejects.toThrow(
        'No server that takes writes was found within failoverTimeoutMs. nrt is a replica. ord is a replica.',
      )
    }
    await expect(pool.query('select hit()'), 'only the refusal shows it').rejects.toThrow('No server that takes writes')
    client.release()
  })

  test('a database that is not there', async () => {
    const url = Object.assign(new URL(world.url('nrt')), { pathname: '/nowhere' }).href
    await using pool = createPool({ primary: url })
    const refused = await rejectionOf(pool.query('select 1'), 'the read', BOUND_MS)
    expect(isNoServerError(refused) && refused.message).toContain('has no such database')
  })

  test('a region that is not in the list', async () => {
    await using pool = createPool(world.poolOptions('ord'))
    expect(() => pool.replica('mars')).toThrow(
      expect.objectContaining({ code: 'NEAREST_UNKNOWN_REGION', message: expect.stringContaining('ord, syd') }),
    )
    const { servedBy } = await pool.replica('nrt').query('select 1')
    expect(servedBy, 'the primary’s own region is known, too').toMatchObject({ server: 'nrt', reason: 'asked' })
  })

  test('a problem is told once, not at each probe', async () => {
    const options = world.poolOptions('ord')
    const ord = 'postgres://app@127.0.0.1:9/app'
    await using pool = createPool({ ...options, replicas: { ...options.replicas, ord }, probeIntervalMs: 50 })
    const told: ProblemEvent[] = []
    pool.on('problem', (problem) => told.push(problem))
    await once(pool, 'problem')
    for (let i = 0; i < 5; i++) await pool.refresh()
    await pool.query('select 1')
    expect(told.map(({ server }) => server)).toEqual(['ord'])
  })
})

test('no password in what a pool shows of itself, in its options, events and clients', async () => {
  const options = world.poolOptions('ord')
  const secret = new URL(world.url('ord')).password
  expect(secret.length).toBeGreaterThan(0)
  await using pool = createPool(options)
  const client = await pool.connect()
  await client.query('select 1')
  const shown = [pool, pool.options, pool.replica(), pool.primary, pool.replicas(), pool.status(), client].map(show)
  client.release()
  // The world's own password may be a common word; what must not appear is the URL's part that holds it.
  for (const text of shown) expect(text).not.toContain(`:${secret}@`)
  for (const text of shown) expect(text).not.toMatch(/password: '[^']/)
})

function show(value: unknown): string {
  return inspect(value, { depth: 12, showHidden: true })
}

function expectNoSecret(...values: unknown[]): void {
  for (const value of values) expect(show(value)).not.toContain(WRONG)
}
