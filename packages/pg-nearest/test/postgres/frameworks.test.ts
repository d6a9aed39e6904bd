import { Controller, Get, Inject, Module, Param, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { initTRPC } from '@trpc/server'
import { createHTTPHandler } from '@trpc/server/adapters/standalone'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa, { type Middleware } from 'koa'
import { createServer, type RequestListener } from 'node:http'
import { startWorld, type World } from 'pg-nearest-world'
import { createRequestHandler, type ServerBuild } from 'react-router'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serverTiming as expressTiming, session, type ExpressMiddleware } from '../../src/http/express.ts'
import { fastifyServerTiming } from '../../src/http/fastify.ts'
import { serverTiming as honoTiming } from '../../src/http/hono.ts'
import { withServerTiming, withSession } from '../../src/http/index.ts'
import { createPool, isOptionError, type NearestPool } from '../../src/index.ts'
import { caughtUp, withUsers } from './fixtures.ts'
import { Browser } from './http-browser.ts'
import { listening, served, type App } from './http-doors.ts'

/** As docs/frameworks.md has them. */
let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await withUsers(world)
  await caughtUp(world)
  // Whoever is not in a session that has written reads there, and misses it.
  await world.pauseReplay('ord')
  pool = createPool(world.poolOptions('ord'))
  await pool.refresh()
})
afterAll(async () => {
  await pool.destroy()
  await world.stop()
})

const write = async (name: string): Promise<void> => {
  await pool.query('insert into users (name) values ($1)', [name])
}
const count = async (name: string): Promise<number> =>
  (await pool.query('select name from users where name = $1', [name])).rowCount ?? 0

/** How the app is asked to write, and what it then says of how many there are. */
interface Client {
  write(send: Browser['fetch'], name: string): Promise<Response>
  count(send: Browser['fetch'], name: string): Promise<number>
}

const json = (body: unknown): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})
const byPath: Client = {
  write: (send, name) => send(`/users/${name}`, { method: 'POST' }),
  count: async (send, name) => Number(await (await send(`/users/${name}`)).text()),
}

async function koaApp(): Promise<App> {
  const inKoa =
    (middleware: ExpressMiddleware): Middleware =>
    (ctx, next) =>
      new Promise((resolve, reject) => {
        ctx.res.once('close', resolve)
        middleware(ctx.req, ctx.res, () => void next().then(resolve, reject))
      })
  const app = new Koa()
  app.use(inKoa(session(pool)))
  app.use(async (ctx) => {
    const name = ctx.path.split('/').at(-1) ?? ''
    if (ctx.method === 'POST') await write(name)
    ctx.body = String(await count(name))
  })
  return listening(createServer(app.callback()))
}

/** Its decorators are called, because these sources are compiled without them. */
class Users {
  readonly #users: { count: typeof count }

  constructor(users: { count: typeof count }) {
    this.#users = users
  }

  async add(name: string): Promise<string> {
    await write(name)
    return 'added'
  }

  async find(name: string): Promise<string> {
    return String(await this.#users.count(name))
  }
}
Controller('users')(Users)
Inject('USERS')(Users, undefined, 0)
Post(':name')(Users.prototype, 'add', Object.getOwnPropertyDescriptor(Users.prototype, 'add') as never)
Get(':name')(Users.prototype, 'find', Object.getOwnPropertyDescriptor(Users.prototype, 'find') as never)
for (const method of ['add', 'find']) Param('name')(Users.prototype, method, 0)
/** Nest takes any function that can be called with `new`. */
function UsersModule(): void {}
Module({ controllers: [Users], providers: [{ provide: 'USERS', useValue: { count } }] })(UsersModule)

async function nestApp(): Promise<App> {
  const app = await NestFactory.create(UsersModule as unknown as new () => object, { logger: false })
  app.use(session(pool))
  await app.listen(0, '127.0.0.1')
  return { url: await app.getUrl(), server: app.getHttpServer() as App['server'], close: () => app.close() }
}

const trpcRouter = (() => {
  const { procedure, router } = initTRPC.create()
  const named = procedure.input(String)
  return router({
    add: named.mutation(({ input }) => write(input)),
    count: named.query(({ input }) => count(input)),
  })
})()

async function yogaApp(): Promise<App> {
  const { yogaOf } = (await import(new URL('../frameworks/yoga.mjs', import.meta.url).href)) as {
    yogaOf: (resolvers: { count: typeof count; add: typeof write }) => RequestListener
  }
  const yoga = yogaOf({ count, add: write })
  const inSession = session(pool)
  return listening(createServer((request, response) => inSession(request, response, () => yoga(request, response))))
}

/** What its compiler would make of one resource route. */
const build = {
  entry: { module: {} },
  routes: {
    users: {
      id: 'users',
      path: 'users/:name',
      module: {
        loader: async ({ params }: { params: { name: string } }) => new Response(String(await count(params.name))),
        action: ({ params }: { params: { name: string } }) => write(params.name).then(() => new Response('added')),
      },
    },
  },
  assets: { entry: { imports: [], module: '' }, routes: {}, url: '', version: '' },
  future: {},
  prerender: [],
  routeDiscovery: { mode: 'initial', manifestPath: '/__manifest' },
  basename: '/',
  publicPath: '/',
  assetsBuildDirectory: '',
  isSpaMode: false,
  ssr: true,
} as unknown as ServerBuild

const APPS: readonly (readonly [string, () => Promise<App>, Client])[] = [
  ['Koa', koaApp, byPath],
  ['NestJS', nestApp, byPath],
  [
    'tRPC',
    () => listening(createServer(createHTTPHandler({ router: trpcRouter, middleware: session(pool) }))),
    {
      write: (send, name) => send('/add', json(name)),
      async count(send, name) {
        const answer = await send(`/count?input=${encodeURIComponent(JSON.stringify(name))}`)
        return ((await answer.json()) as { result: { data: number } }).result.data
      },
    },
  ],
  [
    'GraphQL Yoga',
    yogaApp,
    {
      write: (send, name) => send('/graphql', json({ query: `mutation { add(name: "${name}") }` })),
      async count(send, name) {
        const answer = await send('/graphql', json({ query: `{ count(name: "${name}") }` }))
        return ((await answer.json()) as { data: { count: number } }).data.count
      },
    },
  ],
  ['React Router', () => served(withSession(pool, createRequestHandler(build, 'test'))), byPath],
]

let names = 0

test.each(APPS)(
  '%s: a client sees in its next request what it has written, and another does not yet',
  async (_, start, client) => {
    const app = await start()
    try {
      const name = `name-${names++}`
      const [own, other] = [new Browser(), new Browser()]
      const sendBy =
        (browser: Browser): Browser['fetch'] =>
        (path, init) =>
          browser.fetch(`${app.url}${path}`, init)
      expect((await client.write(sendBy(own), name)).ok).toBe(true)
      expect(own.cookies.size).toBe(1)
      expect(await client.count(sendBy(other), name)).toBe(0)
      expect(await client.count(sendBy(own), name)).toBe(1)
    } finally {
      await app.close()
    }
  },
)

const TIMED = 'insert into users (name) values ($1)'
const TIMING = /^db-ord;desc="2 own-region";dur=\d+\.\d, db-nrt;desc="1 write";dur=\d+\.\d$/
async function timed(): Promise<string> {
  await pool.query({ text: 'select 1', consistency: 'eventual' })
  await pool.query({ text: 'select 2', consistency: 'eventual' })
  await pool.query(TIMED, [`name-${names++}`])
  return 'done'
}

test.each<[string, () => Promise<App>]>([
  [
    'Express',
    () => {
      const app = express().use(expressTiming(pool), session(pool))
      app.post('/', express.json(), (_request, response) => void timed().then((text) => response.send(text)))
      return listening(createServer(app as never))
    },
  ],
  [
    'Fastify',
    async () => {
      const app = fastify()
      await app.register(fastifyServerTiming, { pool })
      app.post('/', () => timed())
      const url = await app.listen({ port: 0, host: '127.0.0.1' })
      return { url, server: app.server, close: () => app.close() }
    },
  ],
  [
    'Hono',
    () => served(new Hono().use(honoTiming(pool)).post('/', async (context) => context.text(await timed())).fetch),
  ],
  ['a fetch handler', () => served(withServerTiming(pool, async () => new Response(await timed())))],
])('in %s, Server-Timing says who has answered what of a request', async (_, start) => {
  const app = await start()
  try {
    const answers = await Promise.all([1, 2].map(() => fetch(app.url, json({}))))
    expect(answers.map(({ headers }) => headers.get('server-timing'))).toEqual([
      expect.stringMatching(TIMING),
      expect.stringMatching(TIMING),
    ])
  } finally {
    await app.close()
  }
})

test('Server-Timing is left out where nothing was asked, and wants a pool', async () => {
  const handle = withServerTiming(pool, () => new Response())
  expect((await handle(new Request('http://h/'))).headers.get('server-timing')).toBeNull()
  expect(() => expressTiming(undefined as never)).toThrow(expect.toSatisfy(isOptionError))
})
