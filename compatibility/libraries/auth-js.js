import PostgresAdapter from '@auth/pg-adapter'

export const authJs = {
  name: 'Auth.js',
  package: '@auth/pg-adapter',
  tables: "relname = 'users'",
  schema: `create table users (
    id int generated always as identity primary key, name text, email text unique, "emailVerified" timestamptz, image text
  )`,
  give: (pool) => PostgresAdapter(pool),
  operations: (adapter) => ({
    read: async (id) => (await adapter.getUserByEmail(`${id}@example.com`))?.name,
    write: (id, text) =>
      adapter.createUser({ name: text, email: `${id}@example.com`, emailVerified: null, image: null }),
  }),
}
