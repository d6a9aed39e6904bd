import { startWorld, type World } from 'pg-nearest-world'
import { afterEach, afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isNearestError, type NearestPool, type NearestPoolOptions } from '../../src/index.ts'
import { ask, caughtUp, withUsers } from './fixtures.ts'
import { errorOf, running, terminate, within } from './settling.ts'
import { TestPools } from './test-pools.ts'

const BOUND_MS = 8_000

let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 10 })
  await withUsers(world)
  await ask(
    world.url('nrt'),
    `create function slow_hit() returns int language plpgsql volatile as
       'begin perform pg_sleep(1); update hits set n = n + 1; return 1; end';
     create function hit_slowly() returns int language plpgsql volatile as
       'begin update hits set n = n + 1; perform pg_sleep(1); return 1; end';`,
  )
  await caughtUp(world)
})
afterAll(() => world.stop())
afterEach(() => pools.destroyAll())

const appIn = (region: string, options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> =>
  pools.start({ ...world.poolOptions(region), ...options })

type Run = (pool: NearestPool, text: string) => PromiseLike<{ readonly rows: readonly unknown[] }>

const ON_THE_PRIMARY: readonly { readonly name: string; readonly run: Run }[] = [
  { name: 'a strong read', run: (pool, text) => pool.query({ text, consistency: 'strong' }) },
  { name: 'a read with route: primary', run: (pool, text) => pool.query({ text, route: 'primary' }) },
  { name: 'a read of pool.primary', run: (pool, text) => pool.primary.query(text) },
  {
    name: 'a strong read on a borrowed client',
    run: async (pool, text) => {
      const client = await pool.connect()
      try {
        return await client.query({ text, consistency: 'strong' } as { text: string })
      } finally {
        client.release()
      }
    },
  },
  {
    name: 'a named strong read with values',
    run: (pool, text) => pool.query({ name: text.slice(0, 40), text, values: [], consistency: 'strong' }),
  },
]

/** Right rows, or a clear error: in either case an end. */
async function endsWell(read: PromiseLike<{ readonly rows: readonly unknown[] }>, row: unknown): Promise<void> {
  let rows: readonly unknown[] | undefined
  const error = await errorOf(
    BOUND_MS,
    'the read',
    read.then((result) => {
      ;({ rows } = result)
    }),
  )
  if (error === undefined) expect(rows).toMatchObject([row])
  else if (!isNearestError(error)) throw error
}

describe('a connection to a healthy primary that is terminated', () => {
  test.each(ON_THE_PRIMARY)('under $name: it ends', async ({ name, run }) => {
    const pool = await appIn('ord')
    const text = `select '${name}' as kind, pg_sleep(1.5)`
    const read = run(pool, text)
    await Promise.all([endsWell(read, { kind: name }), terminate(world.url('nrt'), text)])
    const next = within(BOUND_MS, 'the next read', run(pool, `select '${name}, next' as kind`))
    expect((await next).rows).toMatchObject([{ kind: `${name}, next` }])
  })

  test.each<{ name: string; run: Run }>([
    { name: 'a read', run: (pool, text) => pool.query(text) },
    { name: 'a read of a read-only handle', run: (pool, text) => pool.replica().query(text) },
    {
      name: 'a read-only transaction',
      run: (pool, text) => pool.transaction({ readOnly: true }, (tx) => tx.query(text)),
    },
  ])('under $name with one database: it ends', async ({ name, run }) => {
    const pool = pools.create({ primary: world.url('nrt') })
    const text = `select 'alone, ${name}' as kind, pg_sleep(1.5)`
    const read = run(pool, text)
    await Promise.all([endsWell(read, { kind: `alone, ${name}` }), terminate(world.url('nrt'), text)])
    expect((await within(BOUND_MS, 'the next read', run(pool, "select 'next' as kind"))).rows).toEqual([
      { kind: 'next' },
    ])
  })

  test('under a read of what the session has just written, which no replica has: it ends', async () => {
    const pool = await appIn('ord')
    await Promise.all([world.pauseReplay('ord'), world.pauseReplay('syd')])
    try {
      await pool.session(undefined, async () => {
        await pool.query("insert into users (name) values ('Mine')")
        const text = "select name, pg_sleep(1.5) from users where name = 'Mine'"
        const read = pool.query(text)
        await Promise.all([endsWell(read, { name: 'Mine' }), terminate(world.url('nrt'), text)])
      })
    } finally {
      await Promise.all([world.resumeReplay('ord'), world.resumeReplay('syd')])
    }
  })

  test('under many strong reads at once: all end', async () => {
    const pool = await appIn('ord')
    const text = "select 'many' as kind, pg_sleep(1.5)"
    const reads = Array.from({ length: 8 }, () => pool.query({ text, consistency: 'strong' }))
    await running(world.url('nrt'), text, 8)
    await Promise.all([...reads.map((read) => endsWell(read, { kind: 'many' })), terminate(world.url('nrt'), text)])
  })

  describe.each([
    { when: 'before it has written', call: 'slow_hit()' },
    { when: 'after it has written', call: 'hit_slowly()' },
  ])('under the first call of a function, $when: it ends, and wrote once or not at all', ({ call }) => {
    test.each<{ name: string; run: Run }>([
      { name: 'routed', run: (pool, text) => pool.query(text) },
      { name: 'strong', run: (pool, text) => pool.query({ text, consistency: 'strong' }) },
      { name: 'pool.primary', run: (pool, text) => pool.primary.query(text) },
    ])('$name', async ({ run }) => {
      await ask(world.url('nrt'), 'update hits set n = 0')
      const pool = await appIn('ord')
      const text = `select ${call} as done`
      const write = errorOf(BOUND_MS, text, run(pool, text))
      const [error] = await Promise.all([write, terminate(world.url('nrt'), text)])
      const [row] = await ask<{ n: number }>(world.url('nrt'), 'select n from hits')
      if (error === undefined) expect(row).toEqual({ n: 1 })
      else if (!isNearestError(error)) throw error
      expect(row?.n).toBeLessThanOrEqual(1)
    })
  })

  test('under a transaction: it says that it was lost, and the next one runs', async () => {
    const pool = await appIn('ord')
    const text = "select 'in a transaction' as kind, pg_sleep(1.5)"
    const work = pool.transaction(async (tx) => {
      await tx.query('select 1')
      return tx.query(text)
    })
    const [error] = await Promise.all([errorOf(BOUND_MS, 'the transaction', work), terminate(world.url('nrt'), text)])
    expect(error).toMatchObject({ code: 'NEAREST_CONNECTION_LOST' })
    const next = pool.transaction((tx) => tx.query('select 1 as one'))
    expect((await within(BOUND_MS, 'the next transaction', next)).rows).toEqual([{ one: 1 }])
  })

  test('under the first statement of a transaction: it ends', async () => {
    const pool = await appIn('ord')
    const text = "select 'first of a transaction' as kind, pg_sleep(1.5)"
    const work = pool.transaction((tx) => tx.query(text))
    await Promise.all([endsWell(work, { kind: 'first of a transaction' }), terminate(world.url('nrt'), text)])
  })
})

// The last one: the primary is another one afterwards.
test('a promotion under strong and routed reads: all end', async () => {
  const pool = await appIn('syd')
  const reads = ON_THE_PRIMARY.slice(0, 5).flatMap(({ name, run }) => {
    const text = `select 'over ${name}' as kind, pg_sleep(2)`
    return [{ text, kind: `over ${name}`, read: run(pool, text) }]
  })
  await Promise.all(reads.map(({ text }) => running(world.url('nrt'), text)))
  const ends = reads.map(({ kind, read }) => endsWell(read, { kind }))
  for (const each of ends) each.catch(() => undefined)
  await within(10_000, 'the promotion', world.promote('ord'))
  await Promise.all(ends)
  const next = pool.query({ text: 'select 1 as one', consistency: 'strong' })
  expect((await within(BOUND_MS, 'the next read', next)).rows).toEqual([{ one: 1 }])
})
