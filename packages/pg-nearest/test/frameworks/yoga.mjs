import { createSchema, createYoga } from 'graphql-yoga'

/**
 * An app of GraphQL Yoga, whose resolvers are these two. In JavaScript, because its types bring those of browsers, which would then be there for all
 * other tests.
 */
export const yogaOf = ({ count, add }) =>
  createYoga({
    logging: false,
    schema: createSchema({
      typeDefs: 'type Query { count(name: String!): Int! } type Mutation { add(name: String!): Boolean! }',
      resolvers: {
        Query: { count: (_, { name }) => count(name) },
        Mutation: { add: (_, { name }) => add(name).then(() => true) },
      },
    }),
  })
