import { once } from 'node:events'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { session as expressSession } from '../../src/http/express.ts'
import { fastifySession } from '../../src/http/fastify.ts'
import { session as honoSession } from '../../src/http/hono.ts'
import { sessionFor, withSession, type HttpSessionOptions } from '../../src/http/index.ts'
import { createPool, type NearestPool } from '../../src/index.ts'
import { ask, caughtUp, until, withUsers } from './fixtures.ts'
import { Browser } from './http-browser.ts'
import { COOKIE, doors, holdAnswer, listening, REMOVED, type App, type Door } from './http-doors.ts'

let world: World
let ord: NearestPool
let syd: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'] })
  await withUsers(world)
  ord = createPool(world.poolOptions('ord'))
  syd = createPool(world.poolOptions('syd'))
})
afterAll(async () => {
  await Promise.all([ord.end(), syd.end()])
  await world.stop()
})

let names = 0
const newName = (): string => `name-${names++}`

const post = (body?: unknown): RequestInit => ({
  method: 'POST',
  ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
})

/** The primary, or the other replica once it is known to have it. */
const ELSEWHERE = expect.stringMatching(/^(?:nrt|ord)$/) as string

async function whilePaused(work: () => Promise<void>): Promise<void> {
  await caughtUp(world)
  await world.pauseReplay('syd')
  try {
    await work()
  } finally {
    await world.resumeReplay('syd')
  }
}

/** Sends a request whose answer is held back, and waits until its handler has done its work. */
async function held(
  name: string,
  send: () => Promise<Response>,
): Promise<{ readonly release: () => Promise<Response> }> {
  const hold = holdAnswer(name)
  const answer = send()
  // It is reported when it is awaited.
  answer.catch(() => undefined)
  await Promise.race([hold.reached, answer.then(() => expect.fail('the answer was not held back'))])
  const release = (): Promise<Response> => {
    hold.release()
    return answer
  }
  return { release }
}

describe.each(doors)('behind the door for %s', (_name, door: Door) => {
  let here: App
  let there: App
  beforeAll(async () => {
    here = await door(ord)
    there = await door(syd)
  })
  afterAll(async () => {
    await Promise.all([here.close(), there.close()])
  })

  test('a write in one region shows in the next request, in a region that does not have it yet', async () => {
    await whilePaused(async () => {
      const name = newName()
      const browser = new Browser()
      const written = await browser.fetch(`${here.url}/users`, post({ name }))
      expect(written.status).toBe(201)
      expect(written.headers.getSetCookie()).toEqual([expect.stringMatching(COOKIE)])
      expect(written.headers.get('cache-control')).toBe('private')
      const stranger = await new Browser().fetch(`${there.url}/users/${name}`)
      expect(await stranger.json(), 'syd itself does not have it').toEqual({ found: 0, server: 'syd' })
      const seen = await browser.fetch(`${there.url}/users/${name}`)
      expect(await seen.json()).toEqual({ found: 1, server: ELSEWHERE })
    })
  })

  test('nothing is said that the client knows, and nothing if no database was used', async () => {
    await whilePaused(async () => {
      const browser = new Browser()
      await browser.fetch(`${here.url}/users`, post({ name: newName() }))
      const before = [...browser.cookies]
      expect(before).toHaveLength(1)
      const idle = await browser.fetch(`${there.url}/idle`)
      expect([await idle.text(), idle.headers.getSetCookie(), idle.headers.get('cache-control')]).toEqual([
        'idle',
        [],
        null,
      ])
      expect([...browser.cookies]).toEqual(before)
      const stranger = await new Browser().fetch(`${there.url}/idle`)
      expect(stranger.headers.getSetCookie()).toEqual([])
    })
  })

  test('the cookie is removed once every replica shows it', async () => {
    const browser = new Browser()
    await browser.fetch(`${here.url}/users`, post({ name: newName() }))
    await caughtUp(world)
    let removing: Response | undefined
    await until(async () => {
      await ord.refresh()
      removing = await browser.fetch(`${here.url}/idle`)
      return browser.cookies.size === 0
    }, 'the cookie to go')
    expect(removing?.headers.getSetCookie()).toEqual([expect.stringMatching(REMOVED)])
    expect(removing?.headers.get('cache-control')).toBe('private')
  })

  test('a cookie that means nothing costs a question to the primary, and is replaced', async () => {
    const name = newName()
    await ord.query('insert into users (name) values ($1)', [name])
    await caughtUp(world)
    const browser = new Browser()
    browser.cookies.set('pg-nearest', '%00"odd"')
    const response = await browser.fetch(`${there.url}/users/${name}`)
    expect(await response.json()).toEqual({ found: 1, server: 'nrt' })
    expect(browser.cookies.has('pg-nearest')).toBe(false)
  })

  test('the cookie that an earlier build has set counts, and is replaced', async () => {
    await whilePaused(async () => {
      const [name, later] = [newName(), newName()]
      const browser = new Browser()
      await browser.fetch(`${here.url}/users`, post({ name }))
      const [bookmark = ''] = browser.cookies.values()
      browser.cookies.clear()
      browser.cookies.set('pg-nearest', bookmark)
      const seen = await browser.fetch(`${there.url}/users/${name}`)
      expect(await seen.json()).toEqual({ found: 1, server: ELSEWHERE })
      await browser.fetch(`${here.url}/users`, post({ name: later }))
      expect([...browser.cookies.keys()]).toEqual([expect.stringMatching(/^pg-nearest\.[\w-]{8}$/)])
      const again = await browser.fetch(`${there.url}/users/${later}`)
      expect(await again.json()).toEqual({ found: 1, server: ELSEWHERE })
    })
  })

  test('a slow request that began before a write and ends after it does not remove the write’s cookie', async () => {
    const [before, name] = [newName(), newName()]
    const browser = new Browser()
    await browser.fetch(`${here.url}/users`, post({ name: before }))
    await caughtUp(world, ord, syd)
    await whilePaused(async () => {
      const slow = await held('idle', () => browser.fetch(`${here.url}/idle`))
      await browser.fetch(`${here.url}/users`, post({ name }))
      await slow.release()
      const seen = await browser.fetch(`${there.url}/users/${name}`)
      expect(await seen.json()).toEqual({ found: 1, server: ELSEWHERE })
    })
  })

  test('a slow read that began before a write and ends after it does not replace the write’s cookie', async () => {
    const [before, name] = [newName(), newName()]
    const browser = new Browser()
    await whilePaused(async () => {
      // Something that syd does not have, so that there is a bookmark for whoever reads it.
      await ord.query('insert into users (name) values ($1)', [before])
      const arrived = async (): Promise<boolean> =>
        (await ask(world.url('ord'), `select from users where name = '${before}'`)).length === 1
      await until(arrived, 'ord to have it')
      const slow = await held(before, () => browser.fetch(`${here.url}/users/${before}`))
      await world.pauseReplay('ord')
      try {
        await browser.fetch(`${here.url}/users`, post({ name }))
        await ord.refresh()
        const response = await slow.release()
        expect(response.headers.getSetCookie(), 'what it has read is handed out').toHaveLength(1)
        expect(await response.json()).toEqual({ found: 1, server: 'ord' })
        const seen = await browser.fetch(`${here.url}/users/${name}`)
        expect(await seen.json()).toEqual({ found: 1, server: 'nrt' })
        expect(browser.cookies.size, 'the next response tidies up').toBe(1)
      } finally {
        await world.resumeReplay('ord')
      }
    })
  })

  test('a handler that throws after it wrote: the error carries the bookmark', async () => {
    await whilePaused(async () => {
      const name = newName()
      const browser = new Browser()
      const failed = await browser.fetch(`${here.url}/fail/${name}`, post())
      expect(failed.status).toBe(500)
      expect(failed.headers.getSetCookie()).toEqual([expect.stringMatching(COOKIE)])
      const seen = await browser.fetch(`${there.url}/users/${name}`)
      expect(await seen.json()).toEqual({ found: 1, server: ELSEWHERE })
    })
  })

  test('a handler that streams: what is known at its first write goes out, and the rest is as it would be', async () => {
    const name = newName()
    const response = await new Browser().fetch(`${here.url}/stream/${name}`, post())
    expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(COOKIE)])
    expect(await response.text()).toBe('one two')
    expect((await ord.primary.query('select 1 from users where name = $1', [`${name} later`])).rowCount).toBe(1)
  })

  test('other cookies stay', async () => {
    const response = await new Browser().fetch(`${here.url}/cookies/${newName()}`, post())
    expect(response.headers.getSetCookie()).toEqual(['own=1', 'another=2', expect.stringMatching(COOKIE)])
  })

  test('a redirect after a write carries it', async () => {
    const response = await new Browser().fetch(`${here.url}/redirect/${newName()}`, post())
    expect(response.status).toBe(303)
    expect(new URL(response.headers.get('location') ?? '', here.url).href).toBe(`${here.url}/idle`)
    expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(COOKIE)])
  })

  test('a response for shared caches carries nobody’s bookmark', async () => {
    await whilePaused(async () => {
      const browser = new Browser()
      const name = newName()
      await browser.fetch(`${here.url}/users`, post({ name }))
      const response = await browser.fetch(`${there.url}/public/${name}`)
      expect(await response.json()).toEqual({ found: 1, server: ELSEWHERE })
      expect([response.headers.getSetCookie(), response.headers.get('cache-control')]).toEqual([
        [],
        'public, max-age=60',
      ])
    })
  })

  test('a body that comes in pieces keeps the session', async () => {
    const body = JSON.stringify({ name: newName() })
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const request = httpRequest(`${here.url}/users`, { method: 'POST', headers })
    const answer = once(request, 'response') as Promise<[IncomingMessage]>
    for (const piece of [body.slice(0, 5), body.slice(5, 9), body.slice(9)]) {
      request.write(piece)
      await sleep(30)
    }
    request.end()
    const [response] = await answer
    response.resume()
    expect(response.headers['set-cookie']).toEqual([expect.stringMatching(COOKIE)])
  })

  test('requests at the same time do not mix', async () => {
    const idle = Array.from({ length: 10 }, () => new Browser().fetch(`${here.url}/idle`))
    const writes = Array.from({ length: 10 }, () => new Browser().fetch(`${here.url}/users`, post({ name: newName() })))
    const cookies = (all: Response[]): string[][] => all.map(({ headers }) => headers.getSetCookie())
    expect(new Set(cookies(await Promise.all(idle)).flat())).toEqual(new Set())
    const given = cookies(await Promise.all(writes))
    expect(given).toEqual(writes.map(() => [expect.stringMatching(COOKIE)]))
    expect(new Set(given.flat()).size).toBeGreaterThan(1)
  })

  test('with a header and a secret: both carry it sealed, and the header alone is enough', async () => {
    const options: HttpSessionOptions = { header: 'X-Pg-Bookmark', secret: 'a secret of this app alone' }
    const apps = [await door(ord, options), await door(syd, options)] as const
    try {
      await whilePaused(async () => {
        const name = newName()
        const browser = new Browser()
        const written = await browser.fetch(`${apps[0].url}/users`, post({ name }))
        const sealed = written.headers.get('x-pg-bookmark') ?? ''
        expect(sealed).toMatch(/^[\w-]{20,80}\.\w+\.[\w-]{43}$/)
        expect([...browser.cookies.values()]).toEqual([sealed])
        const headers = { 'x-pg-bookmark': sealed }
        const seen = await fetch(`${apps[1].url}/users/${name}`, { headers })
        expect(await seen.json()).toEqual({ found: 1, server: ELSEWHERE })
        const plain = { 'x-pg-bookmark': sealed.slice(0, sealed.indexOf('.')) }
        const unsealed = await fetch(`${apps[1].url}/idle`, { headers: plain })
        expect(unsealed.status).toBe(200)
      })
    } finally {
      await Promise.all(apps.map((app) => app.close()))
    }
  })

  test('an upgrade gets no cookie, and its socket a session of its own', async () => {
    there.server.on('upgrade', upgrade)
    await whilePaused(async () => {
      const name = newName()
      const browser = new Browser()
      await browser.fetch(`${here.url}/users`, post({ name }))
      const cookie = [...browser.cookies].map((pair) => pair.join('=')).join('; ')
      const headers = { connection: 'upgrade', upgrade: 'counting', cookie, name }
      const request = httpRequest(there.url, { headers }).end()
      const [response, socket] = (await once(request, 'upgrade')) as [IncomingMessage, Socket]
      expect([response.statusCode, response.headers['set-cookie']]).toEqual([101, undefined])
      expect(await text(socket)).toBe('1 1')
    })
    there.server.off('upgrade', upgrade)
  })

  /** Says twice how many there are of a name, once as the handle and once by the context. */
  async function upgrade(request: IncomingMessage, socket: Socket): Promise<void> {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: counting\r\n\r\n')
    const own = sessionFor(syd, request)
    const query = { text: 'select name from users where name = $1', values: [request.headers['name']] }
    const first = await own.query(query)
    const second = await own.run(() => syd.query(query))
    socket.end(`${first.rowCount} ${second.rowCount}`)
  }
})

describe('a request that came by https gets a cookie for https alone', () => {
  const write = async (): Promise<Response> => {
    await ord.query('insert into users (name) values ($1)', [newName()])
    return new Response()
  }
  const secure = expect.stringMatching(/; SameSite=Lax; Secure$/)
  const request = (): Request => new Request('https://app.example/')

  test('in a fetch handler', async () => {
    expect((await withSession(ord, write)(request())).headers.getSetCookie()).toEqual([secure])
    const never = withSession(ord, write, { secure: false })
    expect((await never(request())).headers.getSetCookie()).toEqual([expect.stringMatching(COOKIE)])
  })

  test('in Hono', async () => {
    const app = new Hono().use(honoSession(ord)).get('/', write)
    expect((await app.fetch(request())).headers.getSetCookie()).toEqual([secure])
  })

  test('in Express, behind a proxy that it trusts', async () => {
    const app = express().set('trust proxy', true).use(expressSession(ord))
    app.get('/', (_request, response) => void write().then(() => response.end()))
    const { url, close } = await listening(createServer(app as never))
    const answer = await fetch(url, { headers: { 'x-forwarded-proto': 'https' } })
    expect(answer.headers.getSetCookie()).toEqual([secure])
    await close()
  })

  test('in Fastify, behind a proxy that it trusts, in a request that never left the process', async () => {
    const app = fastify({ trustProxy: true })
    await app.register(fastifySession, { pool: ord, prefix: '/ignored', logLevel: 'warn' })
    app.get('/', () => write().then(() => 'done'))
    const answer = await app.inject({ url: '/', headers: { 'x-forwarded-proto': 'https' } })
    expect([answer.headers['set-cookie']].flat()).toEqual([secure])
    await app.close()
  })
})

test('a Fastify handler that answers by itself hands the bookmark back, and a deeper plugin has the session', async () => {
  const app = fastify()
  await app.register(fastifySession, { pool: ord })
  await app.register((child, _options, done) => {
    child.post('/', async (_request, reply) => {
      reply.hijack()
      await ord.query('insert into users (name) values ($1)', [newName()])
      reply.raw.writeHead(200, { 'set-cookie': 'own=1' }).end('hijacked')
    })
    done()
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const answer = await fetch(url, { method: 'POST' })
  expect([await answer.text(), answer.headers.getSetCookie()]).toEqual([
    'hijacked',
    ['own=1', expect.stringMatching(COOKIE)],
  ])
  await app.close()
})

test('options of Fastify’s register are not taken for the session’s, and a wrong one is', async () => {
  const register = (options: object): PromiseLike<unknown> =>
    fastify()
      .register(fastifySession, options as never)
      .ready()
  await expect(register({ pool: ord, prefix: '/' })).resolves.toBeDefined()
  await expect(register({ pool: ord, cookies: 'a' })).rejects.toThrow('Did you mean cookie?')
  await expect(register({})).rejects.toMatchObject({ option: 'pool' })
})

test('what a fetch handler throws passes through', async () => {
  const failing = withSession(ord, () => {
    throw new Error('of the handler')
  })
  await expect(failing(new Request('http://h/'))).rejects.toThrow('of the handler')
  const early = withSession(ord, () => Response.error())
  expect((await early(new Request('http://h/', { headers: { cookie: 'pg-nearest=odd' } }))).type).toBe('error')
})
