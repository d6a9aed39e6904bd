import { eq } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { Kysely, PostgresDialect } from 'kysely'
import type pg from 'pg'
import type { Reader, User } from './reader.ts'

interface Database {
  readonly users: User
}

/** Over a pool that somebody else ends. */
export function throughKysely(over: string, pool: pg.Pool): Reader {
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) })
  return builder(`Kysely on ${over}`, pool, (id) =>
    db.selectFrom('users').select(['id', 'name', 'age']).where('id', '=', id).executeTakeFirst(),
  )
}

const users = pgTable('users', { id: integer('id').primaryKey(), name: text('name').notNull(), age: integer('age') })

/** Over a pool that somebody else ends. */
export function throughDrizzle(over: string, pool: pg.Pool): Reader {
  const db = drizzle({ client: pool })
  return builder(`Drizzle on ${over}`, pool, async (id) => {
    const [user] = await db.select().from(users).where(eq(users.id, id))
    return user
  })
}

/** A client for each read, as many libraries borrow one; over a pool that somebody else ends. */
export function throughClients(over: string, pool: pg.Pool): Reader {
  return builder(`clients of ${over}`, pool, async (id) => {
    const client = await pool.connect()
    try {
      const { rows } = await client.query<User>('select id, name, age from users where id = $1', [id])
      return rows[0]
    } finally {
      client.release()
    }
  })
}

function builder(name: string, pool: pg.Pool, user: Reader['user']): Reader {
  return {
    name,
    user,
    query: undefined,
    get connections() {
      return pool.totalCount
    },
    end: () => Promise.resolve(),
  }
}
