import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type ProblemEvent } from '../../src/index.ts'
import { ask, caughtUp, withUsers } from './fixtures.ts'
import { startSwallowingPooler, type Pooler } from './swallowing-pooler.ts'

const PROBLEM = /^nrt does not answer what is sent at once.*pipeline: false/

let world: World
let pooler: Pooler
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
})
afterAll(() => world.stop())
beforeEach(async () => {
  await ask(world.url('nrt'), "delete from users where name in ('First', 'One', 'Two', 'Three')")
  await caughtUp(world)
  pooler = await startSwallowingPooler(world.url('nrt', { from: 'ord' }))
})
afterEach(async () => {
  await pool.end()
  await pooler.stop()
})

let pool: NearestPool
let problems: ProblemEvent[]
function open(...[options]: Parameters<typeof createPool>): NearestPool {
  problems = []
  pool = createPool(options)
  pool.on('problem', (problem) => problems.push(problem))
  return pool
}

const names = async (): Promise<unknown[]> =>
  (await pool.query<{ name: string }>('select name from users order by id desc limit 3')).rows.map(({ name }) => name)

/** A write, a transaction that waits for nothing, and a borrowed client's: whatever sends several things at once. */
async function writeInEveryWay(): Promise<void> {
  await pool.query("insert into users (name) values ('One')")
  await pool.transaction((tx) =>
    Promise.all([tx.query("insert into users (name) values ('Two')"), tx.query('select 1'), tx.query('select 2')]),
  )
  const client = await pool.connect()
  await Promise.all([
    client.query('begin'),
    client.query("insert into users (name) values ('Three')"),
    client.query('commit'),
  ])
  client.release()
}

describe('a pooler that forgets what is sent at once', () => {
  test('is found out by the first probe: everything works, one by one', async () => {
    open({ region: 'ord', primary: { region: 'nrt', url: pooler.url }, replicas: { ord: world.url('ord') } })
    await pool.refresh()
    expect(pooler.swallowed).toBe(1)
    expect(problems).toEqual([
      { server: 'nrt', region: 'nrt', code: 'NEAREST_NO_PIPELINES', message: expect.stringMatching(PROBLEM) as string },
    ])
    expect(pool.status().problems).toEqual([expect.stringMatching(PROBLEM)])
    await pool.session(undefined, async () => {
      await writeInEveryWay()
      expect(await names()).toEqual(['Three', 'Two', 'One'])
    })
    expect(pooler.swallowed).toBe(1)
  })

  test('with one database, where nobody probes: the first write waits for its position, and no other does', async () => {
    open({ primary: pooler.url })
    await pool.session(undefined, async () => {
      const { rowCount } = await pool.query("insert into users (name) values ('First')")
      expect(rowCount).toBe(1)
      expect(pooler.swallowed).toBe(1)
      expect(problems).toEqual([
        expect.objectContaining({ message: expect.stringMatching(/pipeline: false/) as string }),
      ])
      await writeInEveryWay()
      expect(await names()).toEqual(['Three', 'Two', 'One'])
    })
    expect(pooler.swallowed).toBe(1)
  })

  test('with one database a write with a limit waits for nothing but its own answer', async () => {
    open({ primary: pooler.url, lanes: false, max: 1, query_timeout: 500 })
    for (const name of ['First', 'One', 'Two', 'Three']) {
      expect((await pool.query('insert into users (name) values ($1)', [name])).rowCount).toBe(1)
    }
    expect(await names()).toEqual(['Three', 'Two', 'One'])
    expect(pooler.swallowed).toBe(0)
  })

  test('pipeline: false: nothing is tried', async () => {
    open({
      region: 'ord',
      primary: { region: 'nrt', url: pooler.url },
      replicas: { ord: world.url('ord') },
      pipeline: false,
    })
    await pool.refresh()
    await pool.session(undefined, async () => {
      await writeInEveryWay()
      expect(await names()).toEqual(['Three', 'Two', 'One'])
    })
    expect(pooler.swallowed).toBe(0)
    expect(problems).toEqual([])
  })
})
