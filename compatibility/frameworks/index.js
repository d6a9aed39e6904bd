import { express } from './express.js'
import { fastify } from './fastify.js'
import { graphqlYoga } from './graphql-yoga.js'
import { h3 } from './h3.js'
import { hono } from './hono.js'
import { koa } from './koa.js'
import { nest } from './nest.js'
import { reactRouter } from './react-router.js'
import { trpc } from './trpc.js'

/** In the order of the table. */
export const frameworks = [express, fastify, hono, koa, nest, reactRouter, trpc, graphqlYoga, h3]
