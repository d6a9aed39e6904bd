import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import {
  allAnsweredThenFatal,
  answeredThenCut,
  answeredThenCutAtNext,
  answeredThenFatal,
  startBreakingProxy,
  type Break,
  type BreakingProxy,
} from './breaking-proxy.ts'
import { ask, caughtUp } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** The connection dies between the answer to BEGIN with its first statement and whatever is next. */
let world: World
let primary: BreakingProxy
let replica: BreakingProxy
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(world.url('nrt'), 'create table notes (text text)')
  await caughtUp(world)
  primary = await startBreakingProxy(world.url('nrt', { from: 'ord' }))
  replica = await startBreakingProxy(world.url('ord'))
})
afterAll(async () => {
  await primary?.stop()
  await replica?.stop()
  await world?.stop()
})
beforeEach(async () => {
  await ask(world.url('nrt'), 'truncate notes')
  await caughtUp(world)
})
afterEach(() => pools.destroyAll())

const behind = (proxy: BreakingProxy, url: string): string =>
  Object.assign(new URL(url), { host: new URL(proxy.url).host }).href

const oneDatabase = (): NearestPoolOptions => ({ primary: behind(primary, world.poolOptions('ord').primary.url) })

function withReplica(): NearestPoolOptions {
  const options = world.poolOptions('ord')
  return { ...options, primary: { ...options.primary, url: behind(primary, options.primary.url) } }
}

const notes = async (): Promise<unknown[]> =>
  (await ask<{ text: string }>(world.url('nrt'), 'select text from notes order by text')).map(({ text }) => text)

const insert = (text: string): string => `insert into notes values ('${text}')`

const LOST = { code: 'NEAREST_CONNECTION_LOST' }

interface Way {
  readonly name: string
  readonly how: Break
  readonly options: () => NearestPoolOptions
}

const IN_ONE_GROUP: readonly Way[] = [
  { name: 'of one database, given up with the answer', how: answeredThenFatal, options: oneDatabase },
  { name: 'of a primary with a replica, given up with the answer', how: answeredThenFatal, options: withReplica },
  { name: 'cut before the position behind it is known', how: answeredThenCut, options: withReplica },
]

describe.each<Way>([
  ...IN_ONE_GROUP,
  {
    name: 'cut when the position is asked for separately',
    how: answeredThenCutAtNext,
    options: () => ({ ...withReplica(), pipeline: false }),
  },
])('a connection $name, behind BEGIN and the first write', ({ how, options }) => {
  let pool: NearestPool
  beforeEach(async () => {
    pool = await pools.start(options())
    await pool.primary.query('select 1')
  })

  test('the transaction rejects, and nothing is kept', async () => {
    const broken = primary.breakNext('first', how)
    const work = pool.transaction(async (tx) => {
      await tx.query(insert('first'))
    })
    expect(await rejectionOf(work, 'the transaction')).toMatchObject(LOST)
    await settled(broken, 'the connection to die')
    expect(await notes()).toEqual([])
  })

  test('the second write does not run on its own', async () => {
    const broken = primary.breakNext('first', how)
    const work = pool.transaction(async (tx) => {
      await tx.query(insert('first'))
      await tx.query(insert('second'))
    })
    expect(await rejectionOf(work, 'the transaction')).toMatchObject(LOST)
    await settled(broken, 'the connection to die')
    expect(await notes()).toEqual([])
  })

  test('a function that throws leaves nothing', async () => {
    const thrown = new Error('the function has thrown')
    const broken = primary.breakNext('first', how)
    const work = pool.transaction(async (tx) => {
      await tx.query(insert('first'))
      await tx.query(insert('second')).catch(() => undefined)
      throw thrown
    })
    expect(await rejectionOf(work, 'the transaction')).toBe(thrown)
    await settled(broken, 'the connection to die')
    expect(await notes()).toEqual([])
  })

  test('on a borrowed client what follows rejects, COMMIT included', async () => {
    const client = await pool.connect()
    const broken = primary.breakNext('first', how)
    await client.query('begin')
    await settled(client.query(insert('first')), 'the first write')
    await settled(broken, 'the connection to die')
    expect(await rejectionOf(client.query(insert('second')), 'the second write')).toMatchObject(LOST)
    expect(await rejectionOf(client.query('commit'), 'COMMIT')).toMatchObject(LOST)
    client.release()
    expect(await notes()).toEqual([])
    await settled(pool.query(insert('afterwards')), 'the next write')
    expect(await notes()).toEqual(['afterwards'])
  })

  test('with retries it is run again, and committed once', async () => {
    let tries = 0
    const broken = primary.breakNext('first', how)
    const work = pool.transaction({ retries: 2 }, async (tx) => {
      tries++
      await tx.query(insert('first'))
      await tx.query(insert('second'))
    })
    await settled(work, 'the transaction')
    await settled(broken, 'the connection to die')
    expect(tries).toBe(2)
    expect(await notes()).toEqual(['first', 'second'])
  })
})

test.each(IN_ONE_GROUP)(
  'a connection $name: a COMMIT that was answered with BEGIN stands',
  async ({ how, options }) => {
    const pool = await pools.start(options())
    const client = await pool.connect()
    const broken = primary.breakNext('first', how)
    const all = ['begin', insert('first'), 'commit'].map((text) => client.query(text))
    const results = await settled(Promise.all(all), 'all of them')
    await settled(broken, 'the connection to die')
    expect(results.map(({ command }) => command)).toEqual(['BEGIN', 'INSERT', 'COMMIT'])
    client.release()
    expect(await notes()).toEqual(['first'])
    await settled(pool.query(insert('afterwards')), 'the next write')
    expect(await notes()).toEqual(['afterwards', 'first'])
  },
)

test('a read-only transaction whose replica gives the connection up with the answer to BEGIN begins again elsewhere', async () => {
  const options = world.poolOptions('ord')
  const pool = await pools.start({ ...options, replicas: { ord: behind(replica, options.replicas['ord'] ?? '') } })
  await pool.query('select 1')
  const broken = replica.breakNext('begin', allAnsweredThenFatal)
  const work = pool.transaction({ readOnly: true }, async (tx) => {
    const first = await tx.query('select 1 as first')
    const second = await tx.query('select 2 as second')
    return [...first.rows, ...second.rows]
  })
  expect(await settled(work, 'the transaction')).toEqual([{ first: 1 }, { second: 2 }])
  await settled(broken, 'the connection to die')
})
