import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'

/** What libraries with a pool of their own send each time that they are given a client back: Slonik does. */
const RESETS = ['reset all', 'DISCARD ALL']

const INSERT = "insert into notes (text) values ('its')"

let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 20 })
  await ask(world.url('nrt'), 'create table notes (id int generated always as identity, text text)')
})
afterAll(() => world.stop())
beforeEach(async () => {
  pool = createPool(world.poolOptions('ord'))
  await caughtUp(world, pool)
})
afterEach(() => pool.destroy())

test.each(RESETS)('%s runs where the client is, or would read', async (text) => {
  const client = await pool.connect()
  const serverOf = async (each: string): Promise<string> => (await client.query(each)).servedBy.server
  expect(await serverOf(text), 'at first').toBe('ord')
  await client.query("set work_mem = '5MB'")
  expect(await serverOf(text), 'where something is set').toBe('ord')
  expect((await client.query('show work_mem')).rows).toEqual([{ work_mem: '4MB' }])
  await client.query(INSERT)
  expect(await serverOf(text), 'behind a write').toBe('nrt')
  await caughtUp(world, pool)
  expect(await serverOf('select 1')).toBe('ord')
  expect(await serverOf(text), 'caught up').toBe('ord')
  client.release()
})

test.each(RESETS)('%s is repeated elsewhere when its server dies', async (text) => {
  const client = await pool.connect()
  expect((await client.query('select 1')).servedBy.server).toBe('ord')
  await world.kill('ord')
  try {
    expect((await client.query(text)).servedBy.server).toBe('nrt')
    client.release()
  } finally {
    await world.start('ord')
  }
})

test('DISCARD ALL ends what was generated, which no other connection tells then', async () => {
  const client = await pool.connect()
  await client.query(INSERT)
  await pool.query("insert into notes (text) values ('another one''s')")
  await caughtUp(world, pool)
  expect((await client.query('select 1')).servedBy.server).toBe('ord')
  await client.query('discard all')
  await expect(client.query('select lastval()')).rejects.toMatchObject({ code: '55000' })
  client.release()
})

describe('what only reads is reset, too', () => {
  test.each<[string, (of: NearestPool) => Pick<NearestPool, 'connect'>]>([
    ['a handle of the replica', (of) => of.replica()],
    ["a handle of the primary's region", (of) => of.replica('nrt')],
    ['a pool that lets nothing be written', (of) => Object.assign(of, { mode: 'read-only' })],
  ])('%s', async (_, handleOf) => {
    const client = await handleOf(pool).connect()
    for (const text of RESETS) await client.query(text)
    await client.query("set work_mem = '5MB'")
    await client.query('discard all')
    expect((await client.query('show work_mem')).rows).toEqual([{ work_mem: '4MB' }])
    await expect(client.query(`discard all; ${INSERT}`)).rejects.toMatchObject({ code: '25001' })
    await expect(client.query(INSERT)).rejects.toThrow(/only reads|nothing is written/)
    await client.query('begin read only')
    await expect(client.query('discard all')).rejects.toMatchObject({ code: '25001' })
    await client.query('rollback')
    client.release()
  })

  test('with one database', async () => {
    const one = createPool({ primary: world.url('nrt') })
    const client = await one.replica().connect()
    await client.query("set work_mem = '5MB'")
    await client.query('discard all')
    expect((await client.query('show work_mem')).rows).toEqual([{ work_mem: '4MB' }])
    client.release()
    await one.end()
  })
})
