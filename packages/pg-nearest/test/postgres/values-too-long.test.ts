import Cursor from 'pg-cursor'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** V8's own limit takes gigabytes and seconds to reach. */
const LONGEST = 1_000_000
const { toString } = Buffer.prototype
/** How often a value was too long. */
let refused = 0

beforeEach(() => {
  refused = 0
  Buffer.prototype.toString = function (this: Buffer, encoding?: BufferEncoding, start = 0, end = this.length) {
    if (end - start <= LONGEST) return toString.call(this, encoding, start, end)
    refused++
    throw Object.assign(new Error('Cannot create a string longer than 1000000 characters'), {
      code: 'ERR_STRING_TOO_LONG',
    })
  }
})
afterEach(() => {
  Buffer.prototype.toString = toString
})

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'], rtt: 2 })
  await ask(
    world.url('nrt'),
    `create view sharing as select current_setting('transaction_read_only') as setting;
     create table docs (n int, doc text);
     alter table docs alter doc set storage external;
     insert into docs values (1, 'short'), (2, repeat('x', ${2 * LONGEST}));
     create table notes (n int);
     create function note() returns text language sql volatile as
       $$ insert into notes values (1); select repeat('x', ${2 * LONGEST}) $$`,
  )
  await caughtUp(world)
})
afterAll(() => world.stop())

const pools = new TestPools()
afterEach(() => pools.destroyAll())

const READ = 'select doc from docs where n = $1'
const SHARED = 'select setting from sharing'

/**
 * Its one read of a value that is too long has failed with that, and nobody else has noticed.
 *
 * @param copies - of one that was slow on a shared connection runs by itself, too.
 */
async function expectOneFailure(pool: NearestPool, read: Promise<unknown>, copies: 0 | 1 = 0): Promise<void> {
  await expect(read).rejects.toMatchObject({
    code: 'NEAREST_VALUE_TOO_LONG',
    cause: { code: 'ERR_STRING_TOO_LONG' },
  })
  expect(refused).toBeGreaterThan(0)
  expect(refused).toBeLessThanOrEqual(1 + copies)
  expect((await pool.query(READ, [1])).rows).toEqual([{ doc: 'short' }])
  const { servers } = await pool.refresh()
  expect(servers.map(({ health, problem }) => [health, problem])).toEqual(servers.map(() => ['up', undefined]))
}

describe.each([{ lanes: true }, { lanes: false }])(
  'a value that is too long for a string, with lanes: $lanes',
  (options) => {
    const start = (): Promise<NearestPool> => pools.start({ ...world.poolOptions('ord'), ...options })

    test('fails its read, which is asked of nobody else', async () => {
      const pool = await start()
      await expectOneFailure(pool, pool.query(READ, [2]))
    })

    test('and no other one that is on its way', async () => {
      const pool = await start()
      const others = Array.from({ length: 50 }, () => pool.query(READ, [1]))
      const read = pool.query(READ, [2])
      const later = Array.from({ length: 50 }, () => pool.query(READ, [1]))
      await expectOneFailure(pool, read, options.lanes ? 1 : 0)
      for (const { rows } of await Promise.all([...others, ...later])) expect(rows).toEqual([{ doc: 'short' }])
    })

    test.each([{ readOnly: true }, { readOnly: false }])('fails its transaction, readOnly: $readOnly', async (how) => {
      const pool = await start()
      // Its COMMIT, which would leave it in doubt, is not on its way.
      const first = pool.transaction({ ...how, retries: 3 }, async ({ query }) => {
        await query(READ, [2])
      })
      await expectOneFailure(pool, first)
      refused = 0
      const second = pool.transaction({ ...how, retries: 3 }, async ({ query }) => {
        await query(READ, [1])
        return query(READ, [2])
      })
      await expectOneFailure(pool, second)
    })

    test('fails a cursor', async () => {
      const pool = await start()
      const client = await pool.connect()
      const cursor = client.query(new Cursor(READ, [2]))
      await expectOneFailure(pool, cursor.read(1))
      client.release()
    })

    test('leaves in doubt what may have written', async () => {
      const pool = await start()
      const write = pool.query('update docs set doc = doc where n = 2 returning doc')
      await expect(write).rejects.toMatchObject({ code: '08007', cause: { code: 'NEAREST_VALUE_TOO_LONG' } })
      expect(refused).toBe(1)
    })

    test('leaves in doubt what a function may have written that it calls on the primary', async () => {
      const pool = await start()
      const call = pool.query({ text: 'select note()', route: 'primary' })
      await expect(call).rejects.toMatchObject({ code: '08007' })
      expect(refused).toBe(1)
    })
  },
)

test('one that shares a connection with others fails alone', async () => {
  const pool = await pools.start({ ...world.poolOptions('nrt'), lanes: true })
  const isShared = async (): Promise<boolean> => (await pool.query(SHARED)).rows[0]?.['setting'] === 'on'
  for (let i = 0; i < 10; i++) await pool.query(READ, [1])
  for (let i = 0; !(await isShared()); i++) expect(i).toBeLessThan(5_000)
  const others = Array.from({ length: 50 }, () => pool.query(READ, [1]))
  const read = pool.query(READ, [2])
  const later = Array.from({ length: 50 }, () => pool.query(READ, [1]))
  await expectOneFailure(pool, read, 1)
  for (const { rows } of await Promise.all([...others, ...later])) expect(rows).toEqual([{ doc: 'short' }])
})
