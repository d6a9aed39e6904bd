/** What Kysely has for reading; the rest of it can write. */
type Reads =
  'dynamic' | 'executeQuery' | 'fn' | 'getExecutor' | 'introspection' | 'isTransaction' | 'selectFrom' | 'selectNoFrom'

// oxlint-disable-next-line typescript/no-explicit-any -- of a generic method only its own parameters are looked at
type Any = any

/** A `Kysely`, or one of its transactions, by what is used of it here. */
export interface KyselyLike {
  selectFrom(from: Any): unknown
  withSchema(schema: string): KyselyLike
}

/** One that begins transactions by itself. */
export interface TransactingKysely extends KyselyLike {
  transaction(): { setAccessMode(mode: 'read only'): unknown }
}

/** What a builder gives to the function that it executes. */
type Executing<Builder> = Builder extends { execute(work: (db: infer Db) => Any): Any } ? Db : never

interface ReadOnlyBuilder<Db> {
  /** Runs `work` there. */
  execute<T>(work: (db: ReadOnlyKysely<Db>) => Promise<T>): Promise<T>
}

/** A transaction that only reads, before it begins. */
export interface ReadOnlyTransactionBuilder<Builder> extends ReadOnlyBuilder<Executing<Builder>> {
  setIsolationLevel(
    level: Builder extends { setIsolationLevel(level: infer Level): Any } ? Level : never,
  ): ReadOnlyTransactionBuilder<Builder>
}

/** The same `Kysely` without what writes. What is raw, such as `sql`, the server refuses if it writes. */
export type ReadOnlyKysely<K> = Pick<K, Extract<keyof K, Reads>> &
  (K extends { withSchema(schema: string): infer Same }
    ? { withSchema(schema: string): ReadOnlyKysely<Same> }
    : unknown) &
  (K extends { withPlugin(plugin: infer Plugin): infer Same }
    ? { withPlugin(plugin: Plugin): ReadOnlyKysely<Same>; withoutPlugins(): ReadOnlyKysely<Same> }
    : unknown) &
  (K extends OpenTransaction ? unknown : Begins<K>)

/** One of Kysely's transactions, which refuses to begin another one, to lend its connection, and to be destroyed. */
interface OpenTransaction {
  readonly isTransaction: true
}

type Begins<K> = Pick<K, Extract<keyof K, 'destroy'>> &
  (K extends { transaction(): infer Builder } ? { transaction(): ReadOnlyTransactionBuilder<Builder> } : unknown) &
  (K extends { connection(): infer Builder } ? { connection(): ReadOnlyBuilder<Executing<Builder>> } : unknown)

/**
 * The same `Kysely`, by a type that cannot write: for one whose dialect is on `pool.replica()`. It has no `with`, whose expressions may write.
 *
 * @example
 * ```ts
 * import { Kysely, PostgresDialect } from 'kysely'
 * import { createPool } from 'pg-nearest'
 * import { readOnly } from 'pg-nearest/kysely'
 *
 * interface Database {
 *   users: { name: string }
 * }
 * const pool = createPool({ primary: 'postgres://nrt.example.com/app', replicas: { ord: 'postgres://ord.example.com/app' } })
 * const replica = readOnly(new Kysely<Database>({ dialect: new PostgresDialect({ pool: pool.replica() }) }))
 * console.log(await replica.selectFrom('users').select('name').execute())
 * // replica.insertInto('users') is an error of the compiler.
 * ```
 */
export function readOnly<K extends KyselyLike>(db: K): ReadOnlyKysely<K> {
  return db as unknown as ReadOnlyKysely<K>
}

/**
 * A READ ONLY transaction, by a type that cannot write: it runs on the nearest replica, whichever pool the `Kysely` is on.
 *
 * @example
 * ```ts
 * import { Kysely, PostgresDialect } from 'kysely'
 * import { createPool } from 'pg-nearest'
 * import { readOnlyTransaction } from 'pg-nearest/kysely'
 *
 * interface Database {
 *   users: { name: string }
 * }
 * const pool = createPool({ primary: 'postgres://nrt.example.com/app', replicas: { ord: 'postgres://ord.example.com/app' } })
 * const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
 * const names = await readOnlyTransaction(db)
 *   .setIsolationLevel('repeatable read')
 *   .execute((tx) => tx.selectFrom('users').select('name').execute())
 * console.log(names)
 * ```
 */
export function readOnlyTransaction<K extends TransactingKysely>(
  db: K extends OpenTransaction ? never : K,
): ReadOnlyTransactionBuilder<ReturnType<K['transaction']>> {
  return db.transaction().setAccessMode('read only') as ReadOnlyTransactionBuilder<ReturnType<K['transaction']>>
}
