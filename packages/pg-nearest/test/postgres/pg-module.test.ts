import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import knex from 'knex'
import pg from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { DataTypes, Sequelize, type Options } from 'sequelize'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type QueryEvent } from '../../src/index.ts'
import { pgModule } from '../../src/pg-module/index.ts'
import { ask, caughtUp, withUsers } from './fixtures.ts'

let world: World
let pool: NearestPool
let ran: (readonly [text: string, server: string | undefined])[]
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await withUsers(world)
})
afterAll(() => world.stop())
beforeEach(async () => {
  await ask(world.url('nrt'), "delete from users where name not in ('Ada', 'Grace', 'Edsger')")
  pool = createPool(world.poolOptions('ord'))
  await caughtUp(world, pool)
  ran = []
  pool.on('query', ({ text, servedBy }: QueryEvent) => ran.push([text, servedBy?.server]))
})
afterEach(() => pool.destroy())

/** Where the statements ran that say this. */
const serversOf = (part: string): (string | undefined)[] =>
  ran.filter(([text]) => text.includes(part)).map(([, server]) => server)

describe('a client of the module', () => {
  test('reads on the replica, writes on the primary, and is queried while it connects', async () => {
    const { Client } = pgModule(pool)
    const client = new Client({ host: 'nowhere.invalid' })
    expect(client).toBeInstanceOf(pg.Client)
    const early = client.query('select 1 as one')
    const stream = client.query(new Cursor('select n from generate_series(1, 3) as n'))
    await client.connect()
    expect((await early).rows).toEqual([{ one: 1 }])
    expect(await stream.read(10)).toHaveLength(3)
    await stream.close()
    await client.query('insert into users (name) values ($1)', ['Barbara'])
    const { rows } = await client.query("select name from users where name = 'Barbara'")
    expect(rows).toEqual([{ name: 'Barbara' }])
    expect([serversOf('one'), serversOf('insert')]).toEqual([['ord'], ['nrt']])
    await expect(client.connect()).rejects.toThrow('already been connected')
    await client.end()
    await expect(client.query('select 1')).rejects.toThrow('Client was closed and is not queryable')
    expect((await pool.query('select 2 as two')).rows).toEqual([{ two: 2 }])
  })

  test('tells the columns of a cursor or a stream on its connection, as pg does: Slonik takes them from there', async () => {
    const { Client } = pgModule(pool)
    const client = new Client()
    const heard: string[] = []
    const columnsOf = (message: { fields: readonly pg.FieldDef[] }): void =>
      void heard.push(message.fields.map(({ name }) => name).join())
    ;(client as unknown as { connection: EventEmitter }).connection.on('rowDescription', columnsOf)
    const early = client.query(new QueryStream('select 1 as one, 2 as two'))
    await client.connect()
    expect(await early.toArray()).toEqual([{ one: 1, two: 2 }])
    const cursor = client.query(new Cursor('select 3 as three'))
    expect(await cursor.read(1)).toEqual([{ three: 3 }])
    await cursor.close()
    await client.query('begin')
    expect(await client.query(new QueryStream('select 4 as four')).toArray()).toEqual([{ four: 4 }])
    await client.query('rollback')
    expect(heard).toEqual(['one,two', 'three', 'four'])
    await client.end()
  })

  test('has the parsers that it was made with, and an open transaction ends with it', async () => {
    const { Client } = pgModule(pool)
    const types = { getTypeParser: () => (value: unknown) => `<${String(value)}>` } as pg.CustomTypesConfig
    const client = new Client({ types })
    await client.connect()
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: '<1>' }])
    expect((await client.query({ text: 'select $1::int as n', values: [2] })).rows).toEqual([{ n: '<2>' }])
    await client.query('begin')
    await client.query("insert into users (name) values ('Barbara')")
    await promisify((callback: () => void) => client.end(callback))()
    expect((await pool.primary.query("select name from users where name = 'Barbara'")).rows).toEqual([])
  })
})

test('a pool of the module is the pool, and ending it ends nothing', async () => {
  const { Pool } = pgModule(pool)
  const made = new Pool({ max: 1 })
  expect(made).toBeInstanceOf(pg.Pool)
  expect((await made.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await made.end()
  await promisify((callback: () => void) => made.end(callback))()
  expect((await made.query('select 2 as two')).rows).toEqual([{ two: 2 }])
})

test('what a library replaces on a pool of the module, it replaces for itself alone', async () => {
  const made = new (pgModule(pool).Pool)()
  const { end } = made
  let ended = 0
  // As pg-promise does.
  made.end = () => {
    ended++
    return end()
  }
  await made.end()
  expect([ended, pool.ended]).toEqual([1, false])
  await pool.end()
  expect([ended, pool.ended]).toEqual([1, true])
})

test('Knex', async () => {
  const Dialect = createRequire(import.meta.url)('knex/lib/dialects/postgres/index.js') as typeof knex.Client
  const module = pgModule(pool)
  class NearestDialect extends Dialect {
    _driver(): typeof pg {
      return module
    }
  }
  const db = knex({ client: NearestDialect, connection: {}, pool: { min: 0, max: 2 } })
  expect(await db('users').where({ name: 'Ada' }).select('age')).toEqual([{ age: 36 }])
  await db('users').insert({ name: 'Barbara' })
  expect(await db('users').where({ name: 'Barbara' }).pluck('name')).toEqual(['Barbara'])
  const rolledBack = db.transaction(async (tx) => {
    await tx('users').insert({ name: 'Nobody' })
    throw new Error('roll back')
  })
  await expect(rolledBack).rejects.toThrow('roll back')
  expect(await db('users').where({ name: 'Nobody' })).toEqual([])
  expect(await db('users').where({ name: 'Ada' }).forUpdate().pluck('name')).toEqual(['Ada'])
  await caughtUp(world, pool)
  ran = []
  expect(await db('users').where({ name: 'Grace' }).pluck('name')).toEqual(['Grace'])
  expect(serversOf('users')).toEqual(['ord'])
  await db.destroy()
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

test('Sequelize', async () => {
  const sequelize = new Sequelize({
    dialect: 'postgres',
    dialectModule: pgModule(pool),
    // What it would set on each connection.
    dialectOptions: { clientMinMessages: 'ignore' },
    logging: false,
    ...({ keepDefaultTimezone: true } as Options),
  })
  const User = sequelize.define(
    'users',
    { name: DataTypes.TEXT, age: DataTypes.INTEGER },
    { timestamps: false, freezeTableName: true },
  )
  expect((await User.findOne({ where: { name: 'Ada' } }))?.get('age')).toBe(36)
  await User.create({ name: 'Barbara', age: 28 })
  expect(await User.count({ where: { name: 'Barbara' } })).toBe(1)
  const rolledBack = sequelize.transaction(async (transaction) => {
    await User.create({ name: 'Nobody', age: 1 }, { transaction })
    throw new Error('roll back')
  })
  await expect(rolledBack).rejects.toThrow('roll back')
  expect(await User.count({ where: { name: 'Nobody' } })).toBe(0)
  await caughtUp(world, pool)
  ran = []
  expect(await User.count({ where: { name: 'Grace' } })).toBe(1)
  expect(serversOf('"users"')).toEqual(['ord'])
  await sequelize.close()
  expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})
