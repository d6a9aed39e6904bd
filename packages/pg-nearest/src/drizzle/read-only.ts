type Selects = 'select' | 'selectDistinct' | 'selectDistinctOn'

/** What Drizzle has for reading; the rest of it can write. */
type Reads = Selects | '$client' | '$count' | '$with' | 'execute' | 'query' | 'rollback'

// oxlint-disable-next-line typescript/no-explicit-any -- of a generic method only its own parameters are looked at
type Any = any

/** A database of Drizzle's, or one of its transactions, by what is used of it here. */
export interface DrizzleLike {
  select(): unknown
  with(...ctes: Any[]): unknown
}

/** One that begins transactions. */
export interface TransactingDrizzle extends DrizzleLike {
  transaction(work: (tx: Any) => Promise<Any>, options?: Any): Promise<Any>
}

type TransactionOf<D> = D extends { transaction(work: (tx: infer Tx) => Any, options?: Any): Any } ? Tx : never

/** The options of a transaction, but for those by which it could write. */
export type ReadOnlyTransactionOptions<D> = D extends { transaction(work: Any, options?: infer Options): Any }
  ? Omit<NonNullable<Options>, 'accessMode'> & { accessMode?: 'read only' }
  : never

/** The same database without what writes. What is raw, such as `execute`, the server refuses if it writes. */
export type ReadOnlyDrizzle<D> = Pick<D, Extract<keyof D, Reads>> &
  (D extends { with(...ctes: infer Ctes): infer Builder }
    ? { with(...ctes: Ctes): Pick<Builder, Extract<keyof Builder, Selects>> }
    : unknown) &
  (D extends { transaction(work: (tx: infer Tx) => Any, options?: Any): Any }
    ? {
        transaction<T>(
          work: (tx: ReadOnlyDrizzle<Tx>) => Promise<T>,
          options?: ReadOnlyTransactionOptions<D>,
        ): Promise<T>
      }
    : unknown)

/**
 * The same database, by a type that cannot write: for one whose client is `pool.replica()`.
 *
 * @example
 * ```ts
 * import { drizzle } from 'drizzle-orm/node-postgres'
 * import { pgTable, text } from 'drizzle-orm/pg-core'
 * import { createPool } from 'pg-nearest'
 * import { readOnly } from 'pg-nearest/drizzle'
 *
 * const users = pgTable('users', { name: text().notNull() })
 * const pool = createPool({ primary: 'postgres://nrt.example.com/app', replicas: { ord: 'postgres://ord.example.com/app' } })
 * const replica = readOnly(drizzle({ client: pool.replica() }))
 * console.log(await replica.select().from(users))
 * // replica.insert(users) is an error of the compiler.
 * ```
 */
export function readOnly<D extends DrizzleLike>(db: D): ReadOnlyDrizzle<D> {
  return db as unknown as ReadOnlyDrizzle<D>
}

/**
 * Runs `work` in a READ ONLY transaction, by a type that cannot write: on the nearest replica, whichever pool the database is on. Within a
 * transaction it is a savepoint of that, which sees what that has written, and only reads until it ends.
 *
 * @example
 * ```ts
 * import { drizzle } from 'drizzle-orm/node-postgres'
 * import { pgTable, text } from 'drizzle-orm/pg-core'
 * import { createPool } from 'pg-nearest'
 * import { readOnlyTransaction } from 'pg-nearest/drizzle'
 *
 * const users = pgTable('users', { name: text().notNull() })
 * const pool = createPool({ primary: 'postgres://nrt.example.com/app', replicas: { ord: 'postgres://ord.example.com/app' } })
 * const db = drizzle({ client: pool })
 * const names = await readOnlyTransaction(db, (tx) => tx.select().from(users), { isolationLevel: 'repeatable read' })
 * console.log(names)
 * ```
 */
export function readOnlyTransaction<D extends TransactingDrizzle, T>(
  db: D,
  work: (tx: ReadOnlyDrizzle<TransactionOf<D>>) => Promise<T>,
  options?: ReadOnlyTransactionOptions<D>,
): Promise<T> {
  const config = { ...options, accessMode: 'read only' }
  if (!isTransaction(db)) return db.transaction(work, config) as Promise<T>
  // Drizzle ignores what is said of a savepoint, at whose end PostgreSQL lets the transaction write again.
  return db.transaction(async (tx: OpenTransaction & ReadOnlyDrizzle<TransactionOf<D>>) => {
    await tx.setTransaction(config)
    return work(tx)
  }) as Promise<T>
}

/** What Drizzle's transactions have, and its databases do not. */
interface OpenTransaction {
  setTransaction(config: object): Promise<unknown>
}

function isTransaction(db: object): boolean {
  return typeof (db as Partial<OpenTransaction>).setTransaction === 'function'
}
