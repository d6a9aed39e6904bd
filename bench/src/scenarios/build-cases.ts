import type pg from 'pg'
import type { NearestPool } from 'pg-nearest'
import { pgTransaction } from '../pg-transaction.ts'
import { userReader } from '../users.ts'

/** What is measured of a pool. `pg.Pool` does it too, as its documentation says. */
export interface BuildCase {
  readonly name: string
  /** One database, or a primary elsewhere and a replica next door. */
  readonly where: 'database' | 'world'
  /** Its pools have written before, and the replica shows it. */
  readonly written?: true
  readonly call: () => (pool: pg.Pool) => Promise<unknown>
  readonly callNearest?: () => (pool: NearestPool) => Promise<unknown>
  /** Runs all calls of a round. */
  readonly around?: <T>(pool: NearestPool, round: () => Promise<T>) => Promise<T>
}

const READ = 'select id, name, age from users where id = $1'

export const BUILD_CASES: readonly BuildCase[] = [
  { name: 'read, one database', where: 'database', call: userReader },
  { name: 'read, world', where: 'world', call: userReader },
  {
    name: 'read, world, in a session',
    where: 'world',
    call: userReader,
    around: (pool, round) => pool.session(undefined, round),
  },
  { name: 'read, world, after a write', where: 'world', written: true, call: userReader },
  { name: 'insert, one database', where: 'database', call: inserter },
  { name: 'read, borrowed client', where: 'database', call: borrower },
  {
    name: 'transaction, one statement',
    where: 'database',
    call: bareTransaction,
    callNearest: () => {
      let id = 0
      return (pool) => pool.transaction((tx) => tx.query(READ, [1 + (id++ % 1_000)]))
    },
  },
]

function inserter(): (pool: pg.Pool) => Promise<unknown> {
  let n = 0
  return (pool) => pool.query('insert into notes (note) values ($1)', [`note ${n++}`])
}

function borrower(): (pool: pg.Pool) => Promise<unknown> {
  let id = 0
  return async (pool) => {
    const client = await pool.connect()
    try {
      return await client.query(READ, [1 + (id++ % 1_000)])
    } finally {
      client.release()
    }
  }
}

function bareTransaction(): (pool: pg.Pool) => Promise<unknown> {
  let id = 0
  return (pool) => pgTransaction(pool, (client) => client.query(READ, [1 + (id++ % 1_000)]))
}
