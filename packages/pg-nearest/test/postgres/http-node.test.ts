import { once } from 'node:events'
import { createServer, request as httpRequest, ServerResponse, type IncomingMessage } from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { session } from '../../src/http/express.ts'
import { createPool, type NearestPool } from '../../src/index.ts'
import { parseBookmark } from '../../src/session/bookmark-text.ts'
import { parseLsn } from '../../src/topology/lsn.ts'
import { ask, withUsers } from './fixtures.ts'
import { COOKIE, listening } from './http-doors.ts'

let world: World
let ord: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await withUsers(world)
  // So that no bookmark is out of date before it is sent.
  await world.pauseReplay('ord')
  ord = createPool(world.poolOptions('ord'))
})
afterAll(async () => {
  await ord.end()
  await world.stop()
})

let names = 0
const write = async (): Promise<void> => {
  await ord.query('insert into users (name) values ($1)', [`name-${names++}`])
}

test('what is written is called back though its client has left before it was sent', async () => {
  const called: unknown[] = []
  const doorway = session(ord)
  const leaves = new AbortController()
  const server = createServer((request, response) => {
    doorway(request, response, () => {
      void ord.query("insert into users (name) select 'slow' from pg_sleep(0.5)")
      response.on('error', () => undefined)
      response.write('early', (error) => {
        called.push(error)
        response.write('late', (later) => called.push(later))
      })
      setTimeout(() => leaves.abort(), 100)
    })
  })
  const { url, close } = await listening(server)
  await expect(fetch(url, { signal: leaves.signal })).rejects.toThrow('aborted')
  await expect.poll(() => called.length, { timeout: 5_000 }).toBe(2)
  expect(called).toEqual([expect.any(Error), expect.any(Error)])
  await close()
})

describe('in plain node:http', () => {
  type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

  /** What comes back from a request to this handler, which runs behind the session. */
  async function answerTo(
    handler: Handler,
    init: RequestInit = {},
    times = 1,
  ): Promise<{ headers: Headers; text: string }> {
    const doorway = session(ord)
    let failure: unknown
    const handle: Handler = async (request, response) => {
      try {
        await handler(request, response)
      } catch (error) {
        failure = error
        response.destroy()
      }
    }
    const app = await listening(
      createServer((request, response) => {
        const enter = (left: number): void =>
          left === 0 ? void handle(request, response) : doorway(request, response, () => enter(left - 1))
        enter(times)
      }),
    )
    try {
      const response = await fetch(app.url, init)
      return { headers: response.headers, text: await response.text() }
    } catch (error) {
      throw failure ?? error
    } finally {
      await app.close()
    }
  }
  const cookies = ['own=1', expect.stringMatching(COOKIE)]

  test.each<[string, (response: ServerResponse) => unknown]>([
    ['setHeader', (response) => response.setHeader('Set-Cookie', 'own=1').setHeader('x-a', '1').end()],
    ['an object', (response) => response.writeHead(200, { 'Set-Cookie': ['own=1'], 'x-a': '1' }).end()],
    [
      'a reason and an object',
      (response) => response.writeHead(200, 'Fine', { 'set-cookie': 'own=1', 'x-a': 1 }).end(),
    ],
    ['a flat list', (response) => response.writeHead(200, ['Set-Cookie', 'own=1', 'x-a', '1']).end()],
    [
      'a list of pairs',
      (response) =>
        response
          .writeHead(200, [
            ['Set-Cookie', 'own=1'],
            ['x-a', '1'],
          ] as never)
          .end(),
    ],
    [
      'both',
      (response) => {
        response.setHeader('Set-Cookie', 'lost=1')
        response.setHeader('x-a', '1')
        response.writeHead(200, ['Set-Cookie', 'own=1']).end()
      },
    ],
    [
      'flushHeaders',
      (response) => {
        response.setHeader('set-cookie', 'own=1')
        response.setHeader('x-a', '1')
        response.flushHeaders()
        response.end()
      },
    ],
  ])('headers written by %s keep what is in them', async (_how, send) => {
    const { headers } = await answerTo(async (_request, response) => {
      await write()
      send(response)
    })
    expect([headers.getSetCookie(), headers.get('x-a')]).toEqual([cookies, '1'])
  })

  test('what a handler says of caches in the same breath is heeded', async () => {
    const { headers } = await answerTo(async (_request, response) => {
      await write()
      response.writeHead(200, { 'Cache-Control': 'public' }).end()
    })
    expect([headers.getSetCookie(), headers.get('cache-control')]).toEqual([[], 'public'])
  })

  test('a GET that wrote hands its bookmark back if shared caches have to leave that out', async () => {
    const cacheControl = 'public, max-age=60, private="set-cookie"'
    const { headers } = await answerTo(async (_request, response) => {
      await write()
      response.writeHead(200, { 'Cache-Control': cacheControl }).end()
    })
    expect([headers.getSetCookie(), headers.get('cache-control')]).toEqual([
      [expect.stringMatching(COOKIE)],
      cacheControl,
    ])
  })

  test('a write right behind the first bytes: the head waits for it, and is sent by then', async () => {
    const response = await answerTo(async (_request, out) => {
      out.write('sent ')
      await write()
      expect(() => out.writeHead(500)).toThrow(expect.objectContaining({ code: 'ERR_HTTP_HEADERS_SENT' }))
      out.end('anyway')
    })
    expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(COOKIE)])
    expect(response.text).toBe('sent anyway')
  })

  test('and so it is where the head has something to tell already', async () => {
    let first: string | undefined
    const response = await answerTo(async (_request, out) => {
      await write()
      const [row] = await ask<{ lsn: string }>(world.url('nrt'), 'select pg_current_wal_insert_lsn()::text as lsn')
      first = row?.lsn
      out.writeHead(200, { 'set-cookie': 'own=1' })
      out.write('sent ')
      await write()
      out.end('anyway')
    })
    expect(response.headers.getSetCookie()).toEqual(cookies)
    const told = /=([^;]*)/.exec(response.headers.getSetCookie()[1] ?? '')?.[1]
    expect(parseBookmark(told)?.lsn).toBeGreaterThan(parseLsn(first) as bigint)
    expect(response.text).toBe('sent anyway')
  })

  test('headers that were sent before the session began', async () => {
    const doorway = session(ord)
    const app = await listening(
      createServer((request, response) => {
        response.write('early ')
        doorway(request, response, () => void write().then(() => response.end('bird')))
      }),
    )
    const answer = await fetch(app.url)
    expect([await answer.text(), answer.headers.getSetCookie()]).toEqual(['early bird', []])
    await app.close()
  })

  test('met twice it is one session, and one cookie', async () => {
    const response = await answerTo(
      async (_request, out) => {
        await write()
        out.end()
      },
      {},
      2,
    )
    expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(COOKIE)])
  })

  test('a body parser that calls on from an event keeps the session', async () => {
    const response = await answerTo(
      (request, out) => {
        request.resume()
        request.on('end', () => void write().then(() => out.end()))
      },
      { method: 'POST', body: 'x'.repeat(1_000_000) },
    )
    expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(COOKIE)])
  })

  test('a 101 that is written as a response gets no cookie', async () => {
    const doorway = session(ord)
    const app = await listening(createServer())
    app.server.on('upgrade', (request, socket) => {
      const response = new ServerResponse(request)
      response.assignSocket(socket as Socket)
      socket.on('end', () => socket.end())
      doorway(request, response, () => {
        void write().then(() => response.writeHead(101, { connection: 'upgrade', upgrade: 'x' }).end())
      })
    })
    const request = httpRequest(app.url, { headers: { connection: 'upgrade', upgrade: 'x' } }).end()
    const [response, socket] = (await once(request, 'upgrade')) as [IncomingMessage, Socket]
    expect([response.statusCode, response.headers['set-cookie']]).toEqual([101, undefined])
    socket.end()
    await app.close()
  })
})

test.each([
  ['end', false],
  ['writeHead with headers', true],
])('over HTTP/2 in the shape of HTTP/1, by %s', async (_how, withHeaders) => {
  const doorway = session(ord)
  const server = createHttp2Server((request, response) => {
    doorway(request, response, () => {
      void write().then(() => {
        if (withHeaders) response.writeHead(200, { 'set-cookie': 'own=1' })
        else response.setHeader('set-cookie', 'own=1')
        response.end('done')
      })
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const stream = client.request({ ':path': '/', cookie: ['a=1', 'pg-nearest=odd'] })
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
  const removed = 'pg-nearest=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax'
  expect(headers['set-cookie']).toEqual(['own=1', expect.stringMatching(COOKIE), removed])
  expect(await text(stream)).toBe('done')
  client.close()
  await new Promise((done) => server.close(done))
})
