import { eq, sql as drizzleSql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { Kysely, PostgresDialect, sql, type Generated } from 'kysely'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readOnly as readOnlyDrizzle, readOnlyTransaction as readInDrizzle } from '../../src/drizzle/index.ts'
import { createPool, nearestErrorOf, type NearestPool, type QueryEvent } from '../../src/index.ts'
import { readOnly as readOnlyKysely, readOnlyTransaction as readInKysely } from '../../src/kysely/index.ts'
import { ask, caughtUp, withUsers } from './fixtures.ts'

let world: World
let pool: NearestPool
let ran: { text: string; server: string | undefined; reason: string | undefined }[]
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 20 })
  await withUsers(world)
  pool = createPool(world.poolOptions('ord'))
  pool.on('query', ({ text: statement, servedBy }: QueryEvent) =>
    ran.push({ text: statement, server: servedBy?.server, reason: servedBy?.reason }),
  )
})
afterAll(async () => {
  await pool.end()
  await world.stop()
})
beforeEach(async () => {
  await ask(world.url('nrt'), "delete from users where name not in ('Ada', 'Grace', 'Edsger')")
  await caughtUp(world, pool)
  ran = []
})

const servers = (): (string | undefined)[] => ran.map(({ server }) => server)

describe('Drizzle, unmodified', () => {
  const users = pgTable('users', {
    id: integer().primaryKey().generatedAlwaysAsIdentity(),
    name: text().notNull(),
    age: integer(),
  })

  test('reads on the replica, writes on the primary', async () => {
    const db = drizzle({ client: pool, schema: { users } })
    expect((await db.select().from(users)).length).toBe(3)
    expect(await db.query.users.findFirst({ columns: { name: true }, orderBy: users.id })).toEqual({ name: 'Ada' })
    expect(servers()).toEqual(['ord', 'ord'])
    ran = []
    const [made] = await db.insert(users).values({ name: 'Alan', age: 41 }).returning()
    expect(made?.name).toBe('Alan')
    await db
      .update(users)
      .set({ age: 42 })
      .where(drizzleSql`${users.name} = 'Alan'`)
    await db.select().from(users).for('update')
    const inserted = db.$with('inserted').as(db.insert(users).values({ name: 'Kurt' }).returning({ id: users.id }))
    await db.with(inserted).select().from(inserted)
    await db.delete(users).where(drizzleSql`${users.name} in ('Alan', 'Kurt')`)
    expect(servers()).toEqual(['nrt', 'nrt', 'nrt', 'nrt', 'nrt'])
  })

  test('a transaction, with a savepoint and a rollback, on the primary', async () => {
    const db = drizzle({ client: pool })
    await db.transaction(async (tx) => {
      await tx.insert(users).values({ name: 'Kept' })
      await tx
        .transaction(async (inner) => {
          await inner.insert(users).values({ name: 'Dropped' })
          inner.rollback()
        })
        .catch(() => undefined)
      expect((await tx.select().from(users)).map(({ name }) => name)).toContain('Kept')
    })
    expect(new Set(servers())).toEqual(new Set(['nrt']))
    const names = await ask(world.url('nrt'), "select name from users where name in ('Kept', 'Dropped')")
    expect(names).toEqual([{ name: 'Kept' }])
  })

  test('a read-only transaction on the replica', async () => {
    const db = drizzle({ client: pool })
    const all = await db.transaction((tx) => tx.select().from(users), { accessMode: 'read only' })
    expect(all.length).toBe(3)
    expect(ran.find(({ text: statement }) => statement.startsWith('select'))?.server).toBe('ord')
  })

  test('on a read-only handle', async () => {
    const db = drizzle({ client: pool.replica() })
    expect((await db.select().from(users)).length).toBe(3)
    const refused = await db
      .insert(users)
      .values({ name: 'Nobody' })
      .catch((error: unknown) => error)
    expect((refused as Error).cause).toMatchObject({ code: 'NEAREST_READ_ONLY_HANDLE', cause: { code: '25006' } })
  })
})

describe('Kysely, unmodified', () => {
  interface Database {
    users: { id: Generated<number>; name: string; age: number | null }
  }
  const make = (client: ConstructorParameters<typeof PostgresDialect>[0]['pool']): Kysely<Database> =>
    new Kysely<Database>({ dialect: new PostgresDialect({ pool: client }) })

  test('reads on the replica, writes on the primary', async () => {
    const db = make(pool)
    expect((await db.selectFrom('users').selectAll().execute()).length).toBe(3)
    expect(servers()).toEqual(['ord'])
    ran = []
    await db.insertInto('users').values({ name: 'Alan', age: 41 }).execute()
    await db.updateTable('users').set({ age: 42 }).where('name', '=', 'Alan').execute()
    await db.selectFrom('users').selectAll().forUpdate().execute()
    await db
      .with('gone', (qb) => qb.deleteFrom('users').where('name', '=', 'Alan').returning('id'))
      .selectFrom('gone')
      .selectAll()
      .execute()
    expect(servers()).toEqual(['nrt', 'nrt', 'nrt', 'nrt'])
  })

  test('inside one connection a read goes to the replica, a write to the primary, and the next read sees it', async () => {
    const db = make(pool)
    await db.connection().execute(async (connection) => {
      await connection.selectFrom('users').selectAll().execute()
      await connection.insertInto('users').values({ name: 'Alan' }).execute()
      const after = await connection.selectFrom('users').selectAll().execute()
      expect(after.map(({ name }) => name)).toContain('Alan')
    })
    const [read, write, next] = ran.map(({ server, reason }) => `${server} ${reason}`)
    expect([read, write]).toEqual(['ord own-region', 'nrt write'])
    // The replica may have caught up meanwhile.
    expect(['nrt own-write', 'ord own-region']).toContain(next)
  })

  test('a transaction on the primary, a read-only one on the replica', async () => {
    const db = make(pool)
    await db.transaction().execute(async (tx) => {
      await tx.insertInto('users').values({ name: 'Kept' }).execute()
      await tx.selectFrom('users').selectAll().execute()
    })
    expect(new Set(servers())).toEqual(new Set(['nrt']))
    // Until the replica shows what the session has just written, the primary may answer.
    await caughtUp(world, pool)
    ran = []
    await db
      .transaction()
      .setAccessMode('read only')
      .execute((tx) => tx.selectFrom('users').selectAll().execute())
    expect(ran.find(({ text: statement }) => statement.startsWith('select'))?.server).toBe('ord')
  })

  test('a set stays on its connection', async () => {
    const db = make(pool)
    await db.connection().execute(async (connection) => {
      await sql`set search_path to pg_catalog`.execute(connection)
      const { rows } = await sql<{ search_path: string }>`show search_path`.execute(connection)
      expect(rows).toEqual([{ search_path: 'pg_catalog' }])
      await sql`reset search_path`.execute(connection)
    })
  })
})

describe('what their queries take no option for', () => {
  const users = pgTable('users', { name: text().notNull() })
  const db = new Kysely<{ users: { name: string } }>({
    dialect: new PostgresDialect({ pool: () => Promise.resolve(pool) }),
  })

  test('consistency: strong reads ask the primary, and those around them do not', async () => {
    const drizzled = drizzle({ client: pool })
    await pool.withConsistency('strong', () => db.selectFrom('users').selectAll().execute())
    await pool.withConsistency('strong', () => drizzled.select().from(users))
    await Promise.all([
      db.selectFrom('users').selectAll().execute(),
      pool.withConsistency('strong', () => pool.query('select name from users')),
      drizzled.select().from(users),
    ])
    expect(servers().slice(0, 2)).toEqual(['nrt', 'nrt'])
    expect(servers().slice(2)).toEqual(expect.arrayContaining(['nrt', 'ord']))
    expect(servers()).toHaveLength(5)
    await expect(pool.withConsistency('best' as 'strong', () => 1)).rejects.toMatchObject({ option: 'consistency' })
  })

  test('who has answered, for what was asked in there only', async () => {
    const drizzled = drizzle({ client: pool })
    const [one, two] = await Promise.all([
      pool.servedBy(() => db.selectFrom('users').select('name').execute()),
      pool.servedBy(async () => {
        await drizzled.insert(users).values({ name: 'Kurt' })
        return drizzled.transaction((tx) => tx.select().from(users))
      }),
    ])
    expect(two.result).toHaveLength(4)
    expect(one.servedBy).toMatchObject([{ server: 'ord', role: 'replica', reason: 'own-region' }])
    expect(two.servedBy.map(({ server }) => server)).toEqual(['nrt', 'nrt', 'nrt', 'nrt'])
    await expect(pool.servedBy(() => Promise.reject(new Error('of the work')))).rejects.toThrow('of the work')
  })

  test('a raw write on a flavour that only reads fails with the name of the handle', async () => {
    const reading = readOnlyKysely(new Kysely({ dialect: new PostgresDialect({ pool: pool.replica('ord') }) }))
    await expect(sql`insert into users (name) values ('Nobody')`.execute(reading)).rejects.toMatchObject({
      code: 'NEAREST_READ_ONLY_HANDLE',
      message: expect.stringMatching(/^pool\.replica\('ord'\) only reads/) as string,
      cause: { code: '25006' },
    })
    const drizzled = readOnlyDrizzle(drizzle({ client: pool.replica() }))
    const refused = await drizzled
      .execute(`insert into users (name) values ('Nobody')`)
      .catch((error: unknown) => error)
    expect(nearestErrorOf(refused)).toMatchObject({ code: 'NEAREST_READ_ONLY_HANDLE', cause: { code: '25006' } })
  })

  test('a transaction that only reads runs on the replica, by the flavour of a database that may write', async () => {
    const drizzled = drizzle({ client: pool })
    const both = await Promise.all([
      readInKysely(db).execute((tx) => tx.selectFrom('users').select('name').execute()),
      readInDrizzle(drizzled, (tx) => tx.select().from(users), { isolationLevel: 'repeatable read' }),
    ])
    expect(both.map((rows) => rows.length)).toEqual([3, 3])
    expect(new Set(servers())).toEqual(new Set(['ord']))
    const write = `insert into users (name) values ('Nobody')`
    await expect(readInKysely(db).execute((tx) => sql.raw(write).execute(tx))).rejects.toMatchObject({ code: '25006' })
    const refused = await readInDrizzle(drizzled, (tx) => tx.execute(write)).catch((error: unknown) => error)
    expect((refused as Error).cause).toMatchObject({ code: '25006' })
    expect((await ask(world.url('nrt'), `select from users where name = 'Nobody'`)).length).toBe(0)
  })

  test('within a transaction of Drizzle that writes, one that only reads sees what that has written, and writes nothing', async () => {
    const insert = (name: string): string => `insert into users (name) values ('${name}')`
    await drizzle({ client: pool }).transaction(async (tx) => {
      await tx.execute(insert('Before'))
      const seen = await readInDrizzle(tx, (inner) => inner.$count(users, eq(users.name, 'Before')))
      expect(seen).toBe(1)
      const refused = await readInDrizzle(tx, (inner) => inner.execute(insert('Nobody'))).catch(
        (error: unknown) => error,
      )
      expect((refused as Error).cause).toMatchObject({ code: '25006' })
      await tx.execute(insert('After'))
    })
    const written = await ask(
      world.url('nrt'),
      "select name from users where name in ('Before', 'Nobody', 'After') order by name",
    )
    expect(written).toEqual([{ name: 'After' }, { name: 'Before' }])
  })
})
