import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { ask } from './fixtures.ts'
import { inSomeTry } from './in-some-try.ts'
import { TestPools } from './test-pools.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await ask(
    world.url('nrt'),
    `create table one as select 1 as n;
     create view sharing as select current_setting('transaction_read_only') as setting`,
  )
})
afterAll(() => world.stop())

const pools = new TestPools()
afterEach(() => pools.destroyAll())

/** On the primary it tells by itself whether it shares a connection: there it is READ ONLY. */
const SHARED = 'select setting from sharing'
/** Of the connection that it runs on, which is the only one. */
const NAMES =
  "select count(*)::int as n from pg_prepared_statements where name like 'pg_nearest_%' and statement like $1"
const MOST_NAMES = 256
const MOST_IN_BATCH = 64

interface Setting {
  readonly setting: string
}

async function start(options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const pool = await pools.start({ ...world.poolOptions('nrt'), lanes: true, max: 1, ...options })
  // The first batch on a connection tells that no pooler is in between. A slow run on a busy machine costs some fourteen more.
  const FIRST = 'select setting, 1 as first from sharing'
  for (let i = 0; i < 5_000; i++) if (await isShared(pool, FIRST)) return pool
  throw new Error('nothing shared a connection')
}

/** A text is alone until it was seen to be quick. */
async function warmUp(pool: NearestPool, texts: readonly string[], values: unknown[] = []): Promise<void> {
  for (const text of texts) for (let i = 0; i < 2; i++) await pool.query(text, values)
}

async function isShared(pool: NearestPool, text: string, values: unknown[] = []): Promise<boolean> {
  const { rows } = await pool.query<Setting>(text, values)
  return rows[0]?.setting === 'on'
}

/** How many statements such as this one are prepared. */
async function namesOf(pool: NearestPool, statement: string): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(NAMES, [statement])
  return rows[0]?.n ?? Number.NaN
}

test.each<[prepare: false | number | undefined, names: number[]]>([
  [undefined, [0, 1, 1]],
  [1, [1, 1, 1]],
  [3, [0, 0, 1]],
  [false, [0, 0, 0]],
])('with `prepare: %s` a text has a name from that use on', async (prepare, names) => {
  await inSomeTry(async () => {
    const pool = await start({ prepare })
    const after: number[] = []
    for (let i = 0; i < 50 && after.length < names.length; i++) {
      if (await isShared(pool, SHARED)) after.push(await namesOf(pool, SHARED))
    }
    await pool.end()
    return isDeepStrictEqual(after, names)
  })
})

test('what stands around an error in its batch is prepared under one name, and closed when its time has come', async () => {
  const pool = await start({ prepare: 1 })
  let most = 0
  for (let round = 0; round < 20; round++) {
    const texts = Array.from({ length: 40 }, (_, i) => `select ${round * 100 + i} as i from one`)
    const divide = `select 10 / ($1::int) as q, ${round} as round from one`
    await warmUp(pool, texts)
    await warmUp(pool, [divide], [1])
    const half = texts.length / 2
    const results = await Promise.allSettled([
      ...texts.slice(0, half).map((text) => pool.query<{ i: number }>(text)),
      pool.query(divide, [0]),
      ...texts.slice(half).map((text) => pool.query<{ i: number }>(text)),
    ])
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1)
    most = Math.max(most, await namesOf(pool, '%'))
  }
  expect(most).toBeLessThanOrEqual(MOST_NAMES + MOST_IN_BATCH)
})

test('a plan for any values that is slow where one for these is quick loses its name', async () => {
  // Without its value the first condition is not left out.
  const text = `select setting from sharing where md5(repeat('x', 50000000 + length(setting))) = '' or $1::int = 0`
  const settle = async (pool: NearestPool, wanted: boolean): Promise<boolean> => {
    for (let round = 0; round < 60; round++) {
      await Promise.all([isShared(pool, text, [0]), isShared(pool, SHARED)])
      if ((await namesOf(pool, text)) > 0 === wanted) return true
    }
    return false
  }
  await inSomeTry(async () => {
    const pool = await start()
    const isSettled = (await settle(pool, true)) && (await settle(pool, false))
    await pool.end()
    return isSettled
  })
})

test.each([
  "'now'::timestamptz",
  "timestamptz 'NOW'",
  "'n'\n'ow'::timestamptz",
  String.raw`e'\x6eow'::timestamptz`,
  "u&'!006eow' uescape '!' ::timestamptz",
  "(select ' now ' :: timestamptz)",
])('%s is what time it is, and not what time it was', async (literal) => {
  const pool = await start()
  const times: number[] = []
  const text = `select ${literal} as at, setting from sharing`
  for (let i = 0; i < 2_000 && times.length < 5; i++) {
    const { rows } = await pool.query<{ at: Date; setting: string }>(text)
    if (rows[0]?.setting !== 'on') continue
    times.push(rows[0].at.getTime())
    await sleep(20)
  }
  const steps = times.slice(1).map((time, i) => time - (times[i] ?? 0))
  expect(steps).toHaveLength(4)
  expect(Math.min(...steps)).toBeGreaterThan(10)
})
