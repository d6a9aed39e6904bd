import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createPool, type NearestPool, type RoutedClient } from '../../src/index.ts'
import { ask } from './fixtures.ts'
import { errorOf, running, within } from './settling.ts'

const BOUND_MS = 4_000

let world: World
let pool: NearestPool
let client: RoutedClient
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(
    world.url('nrt'),
    `create table checked (what text);
     create function check_late() returns trigger language plpgsql as $$ begin
       if new.what = 'slow' then perform pg_sleep(30); end if;
       raise exception 'too late' using errcode = '23514';
     end $$;
     create constraint trigger late after insert on checked initially deferred for each row execute function check_late()`,
  )
})
afterAll(() => world.stop())
beforeEach(async () => {
  // With one connection to each server, whoever comes next has the same one.
  pool = createPool({ ...world.poolOptions('ord'), max: 1 })
  pool.on('error', () => undefined)
  client = await pool.connect()
})
afterEach(() => within(BOUND_MS, 'destroy()', pool.destroy()))

const INSERT = 'insert into checked values ($1) returning what'

const reads: [string, (what: string) => Promise<unknown>][] = [
  ['a cursor', (what) => client.query(new Cursor(INSERT, [what])).read(5)],
  ['a stream', (what) => client.query(new QueryStream(INSERT, [what])).toArray()],
]

test.each(reads)('behind its last row %s hears that its commit has failed', async (_, read) => {
  expect(await errorOf(BOUND_MS, 'read()', read('wrong'))).toMatchObject({ code: '23514' })
  client.release()
  const next = await within(
    BOUND_MS,
    'the next read',
    pool.primary.query('select now() = statement_timestamp() as alone'),
  )
  expect(next.rows).toEqual([{ alone: true }])
  await within(BOUND_MS, 'end()', pool.end())
})

test.each(reads)(
  'behind its last row %s hears that its connection was lost on the way to its commit',
  async (_, read) => {
    client.on('error', () => undefined)
    const error = errorOf(BOUND_MS, 'read()', read('slow'))
    await running(world.url('nrt'), 'insert into checked')
    await ask(
      world.url('nrt', { as: 'superuser' }),
      `select pg_terminate_backend(pid) from pg_stat_activity where query like 'insert into checked%'`,
    )
    expect(await error).toBeInstanceOf(Error)
    client.release()
    expect(await ask(world.url('nrt'), 'select what from checked')).toEqual([])
  },
)
