import pg from 'pg'
import Cursor from 'pg-cursor'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { RoutedClient } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** A READ ONLY transaction of which a replica has answered nothing but BEGIN still moves to the primary. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(
    world.url('nrt'),
    'create table notes (n int); create function own() returns int language sql as $$select 1$$',
  )
  await caughtUp(world)
})
afterAll(() => world?.stop())
afterEach(() => pools.destroyAll())

const unconvertible = { toPostgres: () => JSON.parse('{') as never }
const TEXT = 'select own(), $1::int'

/** Each rejects before anything is sent. */
const UNSENT: readonly [string, (client: RoutedClient) => Promise<unknown>][] = [
  ['a statement', (client) => client.query(TEXT, [unconvertible])],
  ['a named statement', (client) => client.query({ name: 'own', text: TEXT, values: [unconvertible] })],
  ['a session setting', (client) => client.query('set search_path to public', [unconvertible])],
  ['a savepoint', (client) => client.query('savepoint s', [unconvertible])],
  [
    'a signal that has been aborted',
    (client) => client.query({ text: TEXT, values: [1], signal: AbortSignal.abort() }),
  ],
  [
    'a pg.Query',
    (client) =>
      new Promise((_, reject) => {
        const query = client.query(new pg.Query(TEXT, [unconvertible])) as unknown as NodeJS.EventEmitter
        query.on('error', reject)
      }),
  ],
  [
    'a submittable that refuses to be sent',
    (client) =>
      new Promise((_, reject) => {
        client.query({
          text: TEXT,
          submit: () => new Error('Not now'),
          handleError: reject,
        } as unknown as pg.Submittable)
      }),
  ],
  [
    'a cursor that is closed at once',
    async (client) => {
      const cursor = client.query(new Cursor(TEXT, [1]))
      await cursor.close()
      throw new Error('It was closed')
    },
  ],
]

test.each(UNSENT)('behind what is not sent: %s', async (_, give) => {
  const pool = await pools.start({ ...world.poolOptions('ord'), consistency: 'eventual' })
  const client = await pool.connect()
  try {
    await client.query('begin isolation level repeatable read, read only')
    await expect(give(client)).rejects.toThrow(/JSON|aborted|Not now|closed/)
    const { servedBy } = await client.query('listen news')
    expect(servedBy.role).toBe('primary')
    expect((await client.query('commit')).command).toBe('COMMIT')
  } finally {
    client.release(true)
  }
})

test('a text that is wrong beside a value that cannot be sent fails the transaction, as on one server', async () => {
  const pool = await pools.start({ ...world.poolOptions('ord'), consistency: 'eventual' })
  const client = await pool.connect()
  try {
    await client.query('begin isolation level repeatable read, read only')
    await expect(client.query('select * from nowhere where n = $1', [unconvertible])).rejects.toThrow(/JSON/)
    await expect(client.query('listen news')).rejects.toMatchObject({ code: '25P02' })
    expect((await client.query('commit')).command).toBe('ROLLBACK')
  } finally {
    client.release(true)
  }
})
