import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { sql, type Kysely } from 'kysely'
import { readOnly as readOnlyDrizzle, readOnlyTransaction as inDrizzle } from '../../src/drizzle/index.ts'
import { readOnly as readOnlyKysely, readOnlyTransaction as inKysely } from '../../src/kysely/index.ts'

/** Compiled, never run: what a flavour of a library cannot do, and what the library has that is not known here. */
interface Database {
  users: { id: number; name: string }
}
const users = pgTable('users', { id: integer().primaryKey(), name: text().notNull() })

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(_really: Same<A, B>): void {}

export async function kysely(db: Kysely<Database>): Promise<void> {
  const reading = readOnlyKysely(db)
  const names = await reading.selectFrom('users').select('name').where('id', '=', 1).execute()
  same<typeof names, { name: string }[]>(true)
  const { rows } = await sql<{ one: number }>`select 1 as one`.execute(reading)
  same<typeof rows, { one: number }[]>(true)
  const within = await reading
    .transaction()
    .setIsolationLevel('repeatable read')
    .execute(async (tx) => {
      // @ts-expect-error -- it writes
      void tx.insertInto
      return tx.selectFrom('users').select('id').executeTakeFirstOrThrow()
    })
  same<typeof within, { id: number }>(true)
  await reading.connection().execute(async (one) => {
    // @ts-expect-error -- it writes
    void one.deleteFrom
    return one.withSchema('public').selectFrom('users').selectAll().execute()
  })
  // @ts-expect-error -- it writes
  void reading.insertInto
  // @ts-expect-error -- it writes
  void reading.updateTable
  // @ts-expect-error -- it writes
  void reading.withSchema('public').deleteFrom
  // @ts-expect-error -- it writes
  void reading.mergeInto
  // @ts-expect-error -- it writes
  void reading.replaceInto
  // @ts-expect-error -- it writes
  void reading.schema
  // @ts-expect-error -- its expressions may write
  void reading.with
}

export async function drizzle(db: NodePgDatabase<{ users: typeof users }>): Promise<void> {
  const reading = readOnlyDrizzle(db)
  const names = await reading.select({ name: users.name }).from(users)
  same<typeof names, { name: string }[]>(true)
  const first = await reading.query.users.findFirst({ columns: { id: true } })
  same<typeof first, { id: number } | undefined>(true)
  const those = reading.$with('those').as(reading.select().from(users))
  await reading.with(those).select().from(those)
  const within = await reading.transaction(
    async (tx) => {
      // @ts-expect-error -- it writes
      void tx.delete
      return tx.select({ id: users.id }).from(users)
    },
    { isolationLevel: 'repeatable read' },
  )
  same<typeof within, { id: number }[]>(true)
  // @ts-expect-error -- it writes
  void reading.insert
  // @ts-expect-error -- it writes
  void reading.update
  // @ts-expect-error -- it writes
  void reading.delete
  // @ts-expect-error -- it writes
  void reading.refreshMaterializedView
  // @ts-expect-error -- it writes
  void reading.with(those).insert
}

export async function transactions(
  db: Kysely<Database>,
  drizzled: NodePgDatabase<{ users: typeof users }>,
): Promise<void> {
  const first = await inKysely(db)
    .setIsolationLevel('repeatable read')
    .execute(async (tx) => {
      // @ts-expect-error -- it writes
      void tx.insertInto
      return tx.selectFrom('users').select('id').executeTakeFirstOrThrow()
    })
  same<typeof first, { id: number }>(true)
  await inKysely(db).execute(async (tx) => {
    // @ts-expect-error -- Kysely has no transaction within another
    void tx.transaction
    // @ts-expect-error -- nor does it lend the connection of one
    void tx.connection
    // @ts-expect-error -- nor end the pool by one
    void tx.destroy
  })
  await db.transaction().execute(async (tx) => {
    // @ts-expect-error -- as above
    void inKysely(tx)
  })
  await readOnlyKysely(db).destroy()
  // @ts-expect-error -- it is READ ONLY
  void inKysely(db).setAccessMode
  // @ts-expect-error -- there is no such level
  void inKysely(db).setIsolationLevel('chaos')
  const all = await inDrizzle(drizzled, async (tx) => {
    // @ts-expect-error -- it writes
    void tx.insert
    // @ts-expect-error -- it may make it write
    void tx.setTransaction
    const nested = await tx.transaction(async (inner) => inner.query.users.findFirst({ columns: { id: true } }))
    same<typeof nested, { id: number } | undefined>(true)
    return tx.select().from(users)
  })
  same<typeof all, { id: number; name: string }[]>(true)
  await drizzled.transaction(async (tx) => {
    const nested = await inDrizzle(tx, async (inner) => {
      // @ts-expect-error -- it writes
      void inner.insert
      return inner.select({ id: users.id }).from(users)
    })
    same<typeof nested, { id: number }[]>(true)
    // @ts-expect-error -- a savepoint has no level of its own
    void inDrizzle(tx, async () => 1, { isolationLevel: 'serializable' })
  })
  // @ts-expect-error -- it is READ ONLY
  void inDrizzle(drizzled, async () => 1, { accessMode: 'read write' })
  // @ts-expect-error -- so is what is on a handle
  void readOnlyDrizzle(drizzled).transaction(async () => 1, { accessMode: 'read write' })
}

/** Whoever fails here has a library with something new: see whether it reads, and whether it belongs into the flavour. */
type KnownOfKysely =
  | 'connection'
  | 'deleteFrom'
  | 'destroy'
  | 'dynamic'
  | 'executeQuery'
  | 'fn'
  | 'getExecutor'
  | 'insertInto'
  | 'introspection'
  | 'isTransaction'
  | 'mergeInto'
  | 'replaceInto'
  | 'schema'
  | 'selectFrom'
  | 'selectNoFrom'
  | 'startTransaction'
  | 'transaction'
  | 'updateTable'
  | 'with'
  | 'withPlugin'
  | 'withRecursive'
  | 'withSchema'
  | 'withTables'
  | 'withoutPlugins'
  | 'case'
  | typeof Symbol.asyncDispose
same<Exclude<keyof Kysely<Database>, KnownOfKysely>, never>(true)

type KnownOfDrizzle =
  | '$cache'
  | '$client'
  | '$count'
  | '$with'
  | '_'
  | 'delete'
  | 'execute'
  | 'insert'
  | 'query'
  | 'refreshMaterializedView'
  | 'select'
  | 'selectDistinct'
  | 'selectDistinctOn'
  | 'transaction'
  | 'update'
  | 'with'
same<Exclude<keyof NodePgDatabase<{ users: typeof users }>, KnownOfDrizzle>, never>(true)
