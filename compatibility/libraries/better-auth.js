import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'

const program = {
  name: 'Better Auth',
  package: 'better-auth',
  tables: "relname = 'user'",
  give: (pool) =>
    betterAuth({ database: pool, secret: 'of this test, and of no other app', baseURL: 'http://127.0.0.1' }),
  operations: async (auth) => {
    const { runMigrations } = await getMigrations(auth.options)
    await runMigrations()
    const { internalAdapter } = await auth.$context
    return {
      read: async (id) => (await internalAdapter.findUserByEmail(`${id}@example.com`))?.user.name,
      write: (id, text) => internalAdapter.createUser({ name: text, email: `${id}@example.com`, emailVerified: true }),
    }
  },
}

export { program as betterAuth }
