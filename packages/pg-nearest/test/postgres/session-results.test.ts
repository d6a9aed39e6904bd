import pg, { type DatabaseError, type QueryArrayConfig, type QueryConfig, type QueryResult } from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { caughtUp, withUsers } from './fixtures.ts'

let world: World
let pool: NearestPool
let bare: pg.Client
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
  pool = createPool(world.poolOptions('ord'))
  bare = new pg.Client(world.url('ord'))
  await bare.connect()
})
afterAll(async () => {
  await bare.end()
  await pool.end()
  await world.stop()
})

/** The position that a session wants to know travels with the statement, in ways that depend on what is known. */
describe('a session gets on a replica what pg gives', () => {
  const circular: { self?: unknown } = {}
  circular.self = circular
  test.each<[string, QueryConfig | QueryArrayConfig]>([
    ['nothing', { text: '' }],
    ['a comment', { text: '-- nothing' }],
    ['two statements', { text: 'select 1 as a; select 2 as b' }],
    ['a semicolon in a string', { text: "select '; ' as a, $1::int as b", values: [1] }],
    ['no rows', { text: 'select 1 as a limit 0' }],
    [
      'types',
      { text: "select 1 as i, 1.5::float8 as f, null as n, true as b, '{1,2}'::int[] as a, now() < 'infinity' as d" },
    ],
    ['arrays', { text: 'select 1, 2', rowMode: 'array' }],
    ['a name', { text: 'select $1::int as a', values: [1], name: 'one' }],
    ['an explanation', { text: 'explain select 1' }],
    ['a division by zero', { text: 'select 1 / $1::int', values: [0] }],
    ['what cannot be parsed', { text: 'select from from' }],
    ['a value that cannot be sent', { text: 'select $1::jsonb', values: [circular] }],
    ['a value too few', { text: 'select $1::int, $2::int', values: [1] }],
  ])('%s', async (_, config) => {
    const expected = await outcome(bare.query(config))
    const session = pool.session()
    await session.query("update users set age = age where name = 'Ada'")
    await caughtUp(world)
    // First nothing is known of the replica, then it is, and then the session has nothing more to ask.
    for (let i = 0; i < 3; i++) {
      expect(await outcome(session.query(config))).toEqual(expected)
      await pool.refresh()
    }
    expect((await session.query('select 1')).servedBy.server).toBe('ord')
    expect(session.bookmark()).toBeUndefined()
  })
})

describe('with binary: true a text without values gives what pg gives', () => {
  /** A pg.Pool sends it by the simple protocol, which knows text alone. */
  const text = "select '2020-01-02'::date as d, '{}'::jsonb as j, 1.5::numeric as n"
  /** The types of pg leave it out. */
  const BINARY: object = { binary: true }
  let binary: NearestPool
  let expected: unknown
  beforeAll(async () => {
    const own = new pg.Pool({ connectionString: world.url('ord'), ...BINARY })
    expected = await outcome(own.query(text))
    await own.end()
    binary = createPool({ ...world.poolOptions('ord'), ...BINARY })
  })
  afterAll(() => binary.end())
  beforeEach(async () => {
    await caughtUp(world, binary)
  })

  test('in a session', async () => {
    const session = binary.session()
    const { servedBy } = await session.query('select 1')
    expect(servedBy.server).toBe('ord')
    expect(await outcome(session.query(text))).toEqual(expected)
  })

  test('as the first statement of a transaction, and as the second', async () => {
    const work = binary.transaction(async (tx) => [await outcome(tx.query(text)), await outcome(tx.query(text))])
    expect(await work).toEqual([expected, expected])
  })
})

test('a value that cannot be sent fails alone: the next answers are their own', async () => {
  const own = createPool({ ...world.poolOptions('ord'), max: 1 })
  const unsendable = { text: 'select $1::jsonb', values: [{ big: 1n }] }
  for (const handle of [own, own.session()]) {
    // Once while the replica's position is not known, and once when it is.
    for (let i = 0; i < 2; i++) {
      await handle.query("update users set age = age where name = 'Ada'")
      for (let k = 0; k < 3; k++) {
        await expect(handle.query(unsendable)).rejects.toThrow('BigInt')
        expect((await handle.query('select 1 as one')).rows).toEqual([{ one: 1 }])
      }
      const client = await handle.connect()
      const results = await Promise.allSettled([
        client.query('begin'),
        client.query(unsendable),
        client.query('select 2 as two'),
        client.query('commit'),
      ])
      client.release()
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
      expect(results[2]).toMatchObject({ value: { rows: [{ two: 2 }] } })
      await own.refresh()
    }
  }
  await own.end()
})

test.each<[(string | object)[]]>([
  [['set local work_mem = 5000']],
  [['show work_mem']],
  [['savepoint s', 'rollback to s', 'release s']],
  [[{ name: 'nothing was given with it' }]],
  [['show work_mem', { name: 'nor with this one' }]],
])(
  'after %j a transaction can still be told its isolation level, and after COMMIT AND CHAIN the next one',
  async (texts) => {
    const client = await pool.session().connect()
    const level = 'set transaction isolation level serializable'
    const behind = [level, 'select 1', 'commit and chain', level, 'commit']
    for (const each of ['begin', ...texts, ...behind]) await client.query(each as QueryConfig)
    client.release()
    expect(client.getTransactionStatus()).toBe('I')
  },
)

function outcome(run: Promise<QueryResult>): Promise<unknown> {
  return run.then(
    (result) => [result].flat().map(({ command, rowCount, rows, fields }) => ({ command, rowCount, rows, fields })),
    ({ code, message, position }: DatabaseError) => ({ code, message, position }),
  )
}
