import { desc, eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import type { NearestPool } from 'pg-nearest'
import { users } from './schema.ts'
import type { User } from './schema.ts'
import type { UserInput } from './user-input.ts'

/** How many users a page of the list holds. */
export const usersPerPage = 50

export interface UserPage {
  readonly users: readonly User[]
  /** Whether there is another page behind this one. */
  readonly more: boolean
}

/** The context: all that the rest of the app may do with users. Reads run next door, writes on the primary. */
export interface Accounts {
  /** One page of all users, newest first, so that who was just saved is on the first, which is 1. One query. */
  listUsers(page?: number): Promise<UserPage>
  getUser(id: number): Promise<User | undefined>
  createUser(input: UserInput): Promise<User>
  /** All of them or none, one after the other: a trip for each, and one to end it. */
  createUsers(inputs: readonly UserInput[]): Promise<void>
  /** `undefined` when there is no such user. */
  updateUser(id: number, input: UserInput): Promise<User | undefined>
  /** Whether there was such a user. */
  deleteUser(id: number): Promise<boolean>
}

export const createAccounts = (pool: NearestPool): Accounts => {
  const replica = drizzle({ client: pool.replica() })
  const primary = drizzle({ client: pool })

  return {
    async listUsers(page = 1) {
      const rows = await replica
        .select()
        .from(users)
        .orderBy(desc(users.id))
        .limit(usersPerPage + 1)
        .offset((page - 1) * usersPerPage)
      return { users: rows.slice(0, usersPerPage), more: rows.length > usersPerPage }
    },

    async getUser(id) {
      const [user] = await replica.select().from(users).where(eq(users.id, id))
      return user
    },

    async createUser(input) {
      const [user] = await primary.insert(users).values(input).returning()
      if (!user) throw new Error('The insert of a user returned no row.')
      return user
    },

    async createUsers(inputs) {
      await primary.transaction(async (tx) => {
        // One statement could insert all of them. This is how handlers are that look at each row before the next one.
        // oxlint-disable-next-line no-await-in-loop
        for (const input of inputs) await tx.insert(users).values(input)
      })
    },

    async updateUser(id, input) {
      const [user] = await primary
        .update(users)
        .set({ ...input, updatedAt: sql`now()` })
        .where(eq(users.id, id))
        .returning()
      return user
    },

    async deleteUser(id) {
      const { rowCount } = await primary.delete(users).where(eq(users.id, id))
      return rowCount === 1
    },
  }
}
