import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { ask, caughtUp, healthOf } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'

/** Whoever writes PL/pgSQL may raise any SQLSTATE, the server's own among them. It is an answer, from a server that is well. */
let world: World
let pool: NearestPool
const events: string[] = []
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(
    world.url('nrt'),
    `create table notes (id int);
     create sequence runs;
     create function fail_with(code text) returns int language plpgsql volatile as
       $$ begin perform nextval('runs'); raise exception 'raised by the app' using errcode = code; end $$;
     create function refuse_with(code text) returns int language plpgsql stable as
       $$ begin raise exception 'raised by the app' using errcode = code; end $$`,
  )
  await caughtUp(world)
  pool = createPool(world.poolOptions('ord'))
  pool.on('remove', () => events.push('remove'))
  pool.on('problem', ({ message }) => events.push(message))
  pool.on('topology', ({ servers }) => {
    const unwell = servers.filter(({ health }) => health !== 'up')
    events.push(...unwell.map(({ name, health }) => `${name} ${health}`))
  })
})
afterAll(async () => {
  await pool?.destroy()
  await world?.stop()
})
beforeEach(async () => {
  await ask(world.url('nrt'), 'alter sequence runs restart')
  await caughtUp(world, pool)
  await Promise.all([pool.primary.query('select 1'), pool.query('select 1')])
  events.length = 0
})

async function expectAllIsWell(): Promise<void> {
  expect(events).toEqual([])
  expect(['nrt', 'ord'].map((name) => healthOf(pool.status(), name))).toEqual(['up', 'up'])
  const next = await settled(pool.query('insert into notes values (1)'), 'the next write')
  expect(next.servedBy).toMatchObject({ server: 'nrt', attempts: 1 })
}

async function expectRun(times: number): Promise<void> {
  const [row] = await ask<{ n: number }>(
    world.url('nrt'),
    'select (case when is_called then last_value else 0 end)::int as n from runs',
  )
  expect(row?.n, 'how often it ran').toBe(times)
}

function expectRaised(error: unknown, code: string): void {
  expect(error).toBeInstanceOf(pg.DatabaseError)
  expect(error).toMatchObject({ code, severity: 'ERROR', message: 'raised by the app' })
}

// The server's own: shutdowns, lost connections, refused writes, conflicts, no slot left, a lost prepared statement.
const CODES = [
  '57P01',
  '57P02',
  '57P03',
  '08006',
  '08007',
  '25006',
  '40001',
  '40P01',
  '53300',
  '26000',
  '0A000',
  'XX000',
]

describe.each(CODES)('%s, raised by a function', (code) => {
  const write = `insert into notes values (fail_with('${code}'))`

  test('in a write, a transaction, and a write on a borrowed client: it is the caller’s, and nobody suffers', async () => {
    expectRaised(await rejectionOf(pool.query(write), 'the write'), code)
    const prepared = { name: `note ${code}`, text: 'insert into notes values (fail_with($1))', values: [code] }
    expectRaised(await rejectionOf(pool.query(prepared), 'the prepared write'), code)
    expectRaised(
      await rejectionOf(
        pool.transaction((tx) => tx.query(write)),
        'the transaction',
      ),
      code,
    )
    const client = await pool.connect()
    expectRaised(await rejectionOf(client.query(write), 'the write of the client'), code)
    await client.query('begin')
    expectRaised(await rejectionOf(client.query(write), 'the write in a transaction of the client'), code)
    await client.query('rollback')
    client.release()
    await expectRun(5)
    await expectAllIsWell()
  })

  test('in a read: likewise', async () => {
    expectRaised(await rejectionOf(pool.query(`select refuse_with('${code}')`), 'the read'), code)
    expectRaised(await rejectionOf(pool.replica().query(`select refuse_with('${code}')`), 'the read-only one'), code)
    const work = pool.transaction({ readOnly: true }, (tx) => tx.query(`select refuse_with('${code}')`))
    expectRaised(await rejectionOf(work, 'the transaction'), code)
    await expectAllIsWell()
  })
})
