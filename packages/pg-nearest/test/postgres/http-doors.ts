// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 and Fastify see to what they reject with
import { serve } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import { EventEmitter, once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { session as expressSession } from '../../src/http/express.ts'
import { fastifySession } from '../../src/http/fastify.ts'
import { session as honoSession } from '../../src/http/hono.ts'
import { withSession, type HttpSessionOptions } from '../../src/http/index.ts'
import type { NearestPool } from '../../src/index.ts'

/** An app on a real server. */
export interface App {
  readonly url: string
  readonly server: Server
  close(): Promise<void>
}

/** Starts the same app behind one of the doors, each in its framework's own words. */
export type Door = (pool: NearestPool, options?: HttpSessionOptions) => Promise<App>

/*
 * POST /users {"name"}     writes
 * GET  /users/:name        reads, and says by which server
 * GET  /public/:name       reads, for shared caches
 * GET  /idle               uses no database
 * POST /fail/:name         writes, then throws
 * POST /stream/:name       writes, sends, writes again, sends the rest
 * POST /cookies/:name      writes, and sets two cookies of its own
 * POST /redirect/:name     writes, then redirects
 */

export const doors: readonly (readonly [string, Door])[] = [
  ['fetch', fetchDoor],
  ['express', expressDoor],
  ['fastify', fastifyDoor],
  ['hono', honoDoor],
]

/** What a session that has something to say sets. */
export const COOKIE: RegExp = /^pg-nearest\.[\w-]{8}=[\w-]{20,80}; Path=\/; Max-Age=60; HttpOnly; SameSite=Lax$/
/** What a response sets whose client does not need its bookmark any more. */
export const REMOVED: RegExp = /^pg-nearest\.[\w-]{8}=; Path=\/; Max-Age=0; HttpOnly; SameSite=Lax$/

interface Hold {
  /** Fulfilled when the handler has done its work. */
  readonly reached: Promise<void>
  readonly release: () => void
}

const holds = new Map<string, () => Promise<void>>()

/** Holds back the next answer of `/users/:name`, or of `/idle` if the name is `idle`. */
export function holdAnswer(name: string): Hold {
  const events = new EventEmitter()
  const reached = once(events, 'reached').then(() => undefined)
  const released = once(events, 'released').then(() => undefined)
  holds.set(name, () => {
    holds.delete(name)
    events.emit('reached')
    return released
  })
  return { reached, release: () => events.emit('released') }
}

const whenReleased = async (name: string): Promise<void> => holds.get(name)?.()

const PUBLIC = 'public, max-age=60'
const OWN = ['own=1', 'another=2'] as const

async function write(pool: NearestPool, name: unknown): Promise<void> {
  await pool.query('insert into users (name) values ($1)', [name])
}

async function read(pool: NearestPool, name: unknown): Promise<{ found: number; server: string }> {
  const { rows, servedBy } = await pool.query('select name from users where name = $1', [name])
  await whenReleased(String(name))
  return { found: rows.length, server: servedBy.server }
}

async function idle(): Promise<string> {
  await whenReleased('idle')
  return 'idle'
}

async function* parts(pool: NearestPool, name: string): AsyncGenerator<string> {
  yield 'one '
  await sleep(20)
  await write(pool, `${name} later`)
  yield 'two'
}

async function fetchDoor(pool: NearestPool, options?: HttpSessionOptions): Promise<App> {
  const routes: Record<string, (name: string, request: Request) => Promise<Response>> = {
    users: async (name, request) => {
      if (request.method === 'GET') return Response.json(await read(pool, name))
      await write(pool, ((await request.json()) as { name: string }).name)
      return new Response(null, { status: 201 })
    },
    public: async (name) => Response.json(await read(pool, name), { headers: { 'cache-control': PUBLIC } }),
    idle: async () => new Response(await idle()),
    fail: async (name) => {
      await write(pool, name)
      throw new Response('failed', { status: 500 })
    },
    stream: async (name) => {
      await write(pool, name)
      return new Response(Readable.toWeb(Readable.from(parts(pool, name))) as ReadableStream)
    },
    cookies: async (name) => {
      await write(pool, name)
      return new Response('', { headers: OWN.map((cookie) => ['set-cookie', cookie] as [string, string]) })
    },
    redirect: async (name, request) => {
      await write(pool, name)
      return Response.redirect(new URL('/idle', request.url), 303)
    },
  }
  const handle = withSession(
    pool,
    async (request: Request) => {
      const [, route = '', name = ''] = new URL(request.url).pathname.split('/')
      return (await routes[route]?.(decodeURIComponent(name), request)) ?? new Response('', { status: 404 })
    },
    options,
  )
  const caught = (error: unknown): Response => (error instanceof Response ? error : new Response('', { status: 500 }))
  return served((request) => handle(request).catch(caught))
}

async function expressDoor(pool: NearestPool, options?: HttpSessionOptions): Promise<App> {
  const app = express()
  app.use(expressSession(pool, options))
  app.use(express.json())
  app.post('/users', async (request, response) => {
    await write(pool, (request.body as { name: string }).name)
    response.status(201).end()
  })
  app.get('/users/:name', async (request, response) => void response.json(await read(pool, request.params.name)))
  app.get('/public/:name', async (request, response) => {
    response.set('cache-control', PUBLIC).json(await read(pool, request.params.name))
  })
  app.get('/idle', async (_request, response) => void response.send(await idle()))
  app.post('/fail/:name', async (request) => {
    await write(pool, request.params.name)
    throw Object.assign(new Error('failed'), { stack: 'Error: failed' })
  })
  app.post('/stream/:name', async (request, response) => {
    await write(pool, request.params.name)
    Readable.from(parts(pool, request.params.name)).pipe(response)
  })
  app.post('/cookies/:name', async (request, response) => {
    await write(pool, request.params.name)
    for (const cookie of OWN) response.append('set-cookie', cookie)
    response.end()
  })
  app.post('/redirect/:name', async (request, response) => {
    await write(pool, request.params.name)
    response.redirect(303, '/idle')
  })
  return listening(createServer(app as never))
}

async function fastifyDoor(pool: NearestPool, options?: HttpSessionOptions): Promise<App> {
  const app = fastify()
  await app.register(fastifySession, { pool, ...options })
  type Named = { Params: { name: string } }
  app.post<{ Body: { name: string } }>('/users', async (request, reply) => {
    await write(pool, request.body.name)
    return reply.code(201).send()
  })
  app.get<Named>('/users/:name', async (request) => read(pool, request.params.name))
  app.get<Named>('/public/:name', async (request, reply) => {
    void reply.header('cache-control', PUBLIC)
    return read(pool, request.params.name)
  })
  app.get('/idle', idle)
  app.post<Named>('/fail/:name', async (request) => {
    await write(pool, request.params.name)
    throw new Error('failed')
  })
  app.post<Named>('/stream/:name', async (request, reply) => {
    await write(pool, request.params.name)
    return reply.send(Readable.from(parts(pool, request.params.name)))
  })
  app.post<Named>('/cookies/:name', async (request, reply) => {
    await write(pool, request.params.name)
    return reply.header('set-cookie', [...OWN]).send()
  })
  app.post<Named>('/redirect/:name', async (request, reply) => {
    await write(pool, request.params.name)
    return reply.redirect('/idle', 303)
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, server: app.server, close: () => app.close() }
}

async function honoDoor(pool: NearestPool, options?: HttpSessionOptions): Promise<App> {
  const app = new Hono()
  app.use(honoSession(pool, options))
  app.onError((_error, context) => context.text('failed', 500))
  app.post('/users', async (context) => {
    await write(pool, (await context.req.json<{ name: string }>()).name)
    return context.body(null, 201)
  })
  app.get('/users/:name', async (context) => context.json(await read(pool, context.req.param('name'))))
  app.get('/public/:name', async (context) => {
    context.header('cache-control', PUBLIC)
    return context.json(await read(pool, context.req.param('name')))
  })
  app.get('/idle', async (context) => context.text(await idle()))
  app.post('/fail/:name', async (context) => {
    await write(pool, context.req.param('name'))
    throw new Error('failed')
  })
  app.post('/stream/:name', async (context) => {
    const name = context.req.param('name')
    await write(pool, name)
    return stream(context, async (out) => {
      for await (const part of parts(pool, name)) await out.write(part)
    })
  })
  app.post('/cookies/:name', async (context) => {
    await write(pool, context.req.param('name'))
    return new Response('', { headers: OWN.map((cookie) => ['set-cookie', cookie] as [string, string]) })
  })
  app.post('/redirect/:name', async (context) => {
    await write(pool, context.req.param('name'))
    return Response.redirect(new URL('/idle', context.req.url), 303)
  })
  return served(app.fetch)
}

/** A server for a handler of the fetch kind. */
export async function served(fetch: (request: Request) => Response | Promise<Response>): Promise<App> {
  const server = serve({ fetch, port: 0, hostname: '127.0.0.1' }) as Server
  if (!server.listening) await once(server, 'listening')
  return appOf(server)
}

/** A server of `node:http`, listening. */
export async function listening(server: Server): Promise<App> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return appOf(server)
}

function appOf(server: Server): App {
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, close }
}
