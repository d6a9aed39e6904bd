import { createSchema, createYoga } from 'graphql-yoga'
import { withSession } from 'pg-nearest/http'
import { served } from './listening.js'
import { readNote, writeNote } from './notes.js'

export const graphqlYoga = {
  name: 'GraphQL Yoga',
  package: 'graphql-yoga',
  door: 'pg-nearest/http',
  give: (yoga, pool) => withSession(pool, (request) => yoga.fetch(request)),
  start: (pool) => served(graphqlYoga.give(createYoga({ schema: schemaOf(pool), logging: false }), pool)),
  read: async (client, url, id) => {
    const { data } = await client.post(`${url}/graphql`, { query: `{ note(id: ${id}) { text server } }` })
    return data.note
  },
  write: (client, url, { id, text }) =>
    client.post(`${url}/graphql`, { query: `mutation { write(id: ${id}, text: "${text}") }` }),
}

function schemaOf(pool) {
  return createSchema({
    typeDefs: `
      type Note { text: String, server: String! }
      type Query { note(id: Int!): Note! }
      type Mutation { write(id: Int!, text: String!): Boolean }
    `,
    resolvers: {
      Query: { note: (_, { id }) => readNote(pool, id) },
      Mutation: { write: (_, note) => writeNote(pool, note) },
    },
  })
}
