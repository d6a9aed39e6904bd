// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 and Fastify see to what they reject with
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { replay as expressReplay, session as expressSession } from '../../src/http/express.ts'
import { fastifyReplay, fastifySession } from '../../src/http/fastify.ts'
import { replay as honoReplay, session as honoSession } from '../../src/http/hono.ts'
import { withReplay, withSession, type ReplayOptions } from '../../src/http/index.ts'
import type { NearestPool } from '../../src/index.ts'
import { listening, served, type App } from './http-doors.ts'

/** What a handler does, whatever the framework: an answer, or its parts one after the other. */
export type Act = (path: string) => Promise<object> | AsyncGenerator<string>

/** Starts the same app behind one of the doors, with the middlewares for replay and sessions. */
export type ReplayDoor = (pool: NearestPool, act: Act, options: ReplayOptions) => Promise<App>

export const replayDoors: readonly (readonly [string, ReplayDoor])[] = [
  ['fetch', fetchDoor],
  ['Express', expressDoor],
  ['Fastify', fastifyDoor],
  ['Hono', honoDoor],
]

function fetchDoor(pool: NearestPool, act: Act, options: ReplayOptions): Promise<App> {
  const handle = async (request: Request): Promise<Response> => {
    const done = act(new URL(request.url).pathname)
    if (!isParts(done)) return Response.json(await done)
    return new Response(Readable.toWeb(Readable.from(done)) as ReadableStream)
  }
  const handled = withReplay(pool, withSession(pool, handle), options)
  return served((request) => handled(request).catch(() => new Response('failed', { status: 500 })))
}

function expressDoor(pool: NearestPool, act: Act, options: ReplayOptions): Promise<App> {
  const app = express()
  app.use(expressReplay(pool, options), expressSession(pool), express.json({ limit: '5mb' }))
  app.use(async (request, response) => {
    const done = act(request.path)
    if (isParts(done)) Readable.from(done).pipe(response)
    else response.json(await done)
  })
  return listening(createServer(app as never))
}

async function fastifyDoor(pool: NearestPool, act: Act, options: ReplayOptions): Promise<App> {
  const app = fastify({ bodyLimit: 5_000_000 })
  await app.register(fastifyReplay, { pool, ...options })
  await app.register(fastifySession, { pool })
  app.all('/*', async (request, reply) => {
    const done = act(request.url)
    return isParts(done) ? reply.send(Readable.from(done)) : done
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, server: app.server, close: () => app.close() }
}

function honoDoor(pool: NearestPool, act: Act, options: ReplayOptions): Promise<App> {
  const app = new Hono()
  app.use(honoReplay(pool, options), honoSession(pool))
  app.onError((_error, context) => context.text('failed', 500))
  app.all('/*', async (context) => {
    const done = act(context.req.path)
    if (!isParts(done)) return context.json(await done)
    return stream(context, async (out) => {
      for await (const part of done) await out.write(part)
    })
  })
  return served(app.fetch)
}

function isParts(done: ReturnType<Act>): done is AsyncGenerator<string> {
  return Symbol.asyncIterator in done
}
