import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startEdge, startWorld, type Edge, type World } from '../../src/index.ts'

const RTT = 60
const REGIONS = ['nrt', 'ord', 'syd'] as const
type Handler = (request: IncomingMessage, response: ServerResponse, region: string) => void | Promise<void>

let world: World
let edge: Edge
/** What every copy of the app does, where a test does not say otherwise. */
const echo: Handler = async (request, response, region) => {
  const { method, url, headers } = request
  const body = await text(request)
  response.setHeader('x-served', region)
  response.end(JSON.stringify({ method, url, headers, region, length: body.length, body: body.slice(0, 100) }))
}
let handler = echo
const apps = new Map<string, Server>()

async function open(region: string): Promise<void> {
  const app = createServer((request, response) => void handler(request, response, region))
  app.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    if (region === 'syd' && request.url === '/elsewhere') {
      socket.end('HTTP/1.1 409 Conflict\r\nfly-replay: region=nrt\r\nContent-Length: 0\r\n\r\n')
      return
    }
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\nx-served: ${region}\r\n\r\n`,
    )
    socket.on('data', (chunk: Buffer) => socket.write(chunk)).on('end', () => socket.end())
  })
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  const address = app.address()
  if (typeof address !== 'object' || address === null) throw new Error('the app does not listen')
  apps.set(region, app)
  edge.add({ id: `id-${region}`, region, port: address.port })
}

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: RTT })
  edge = await startEdge(world)
  for (const region of REGIONS) await open(region)
})
afterEach(() => {
  handler = echo
})
afterAll(async () => {
  await edge?.close()
  for (const app of apps.values()) app.close()
  await world?.stop()
})

interface Echo {
  readonly status: number
  readonly replays: string | null
  readonly body: string
  readonly seen: {
    method: string
    url: string
    headers: Record<string, string>
    region: string
    length: number
    body: string
  }
}

async function get(path: string, { from = 'syd', ...init }: RequestInit & { from?: string } = {}): Promise<Echo> {
  const response = await fetch(`${edge.url(from)}${path}`, init)
  const body = await response.text()
  const seen = body.startsWith('{') ? JSON.parse(body) : undefined
  return { status: response.status, replays: response.headers.get('edge-replays'), body, seen }
}

/** Replays whatever comes in any region but one. */
const replayTo =
  (fields: string, region = 'nrt'): Handler =>
  (request, response, here) => {
    if (here === region || request.headers['fly-replay-failed'] !== undefined) return echo(request, response, here)
    request.resume()
    response.writeHead(409, { 'fly-replay': fields }).end()
  }

describe('where a request goes', () => {
  test('to the nearest instance, which is told where it comes from', async () => {
    const { seen } = await get('/a?b=1', { method: 'POST', body: 'hello', headers: { 'Fly-Region': 'mars' } })
    expect(seen).toMatchObject({ method: 'POST', url: '/a?b=1', region: 'syd', body: 'hello' })
    expect(seen.headers).toMatchObject({
      'fly-region': 'syd',
      'fly-client-ip': '127.0.0.1',
      'x-forwarded-proto': 'http',
    })
    const host = new URL(edge.url('syd')).host
    expect(seen.headers['host']).toBe(host)
  })

  test('the header and the query name a region, too', async () => {
    const byHeader = await fetch(`${edge.url()}/a`, { headers: { 'edge-region': 'ord' } })
    const byQuery = await fetch(`${edge.url()}/a?edge-region=ord&b=1`)
    const by = await Promise.all([byHeader, byQuery].map(async (response) => response.json() as Promise<Echo['seen']>))
    expect(by).toMatchObject([
      { region: 'ord', url: '/a' },
      { region: 'ord', url: '/a?b=1' },
    ])
    expect((await fetch(edge.url())).headers.get('x-served')).toBe('nrt')
  })

  test('a browser goes on from the region that it has named once', async () => {
    handler = (request, response, region) => {
      response.setHeader('Set-Cookie', 'own=1')
      return echo(request, response, region)
    }
    const first = await fetch(`${edge.url()}/a?edge-region=ord`)
    const cookies = first.headers.getSetCookie()
    expect(cookies).toEqual(['own=1', 'edge-region=ord; Path=/; HttpOnly; SameSite=Lax'])
    const cookie = cookies.map((each) => each.split(';', 1)[0]).join('; ')
    expect((await fetch(`${edge.url()}/b`, { headers: { cookie } })).headers.get('x-served')).toBe('ord')
    expect((await fetch(`${edge.url('syd')}/b`, { headers: { cookie } })).headers.get('x-served')).toBe('syd')
  })

  test('a region that is none is refused, with those that there are', async () => {
    const answers = await Promise.all([get('/a?edge-region=mars'), get('/a', { headers: { 'edge-region': 'mars' } })])
    expect(answers.map(({ status }) => status)).toEqual([400, 400])
    expect(answers[0]?.body).toContain('"mars" is none of this world\'s regions: nrt, ')
  })

  test('a body is as long, or as unknown, as it came', async () => {
    const { hostname, port } = new URL(edge.url('syd'))
    const bare = connect(Number(port), hostname)
    bare.write('POST /a HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n')
    const answer = await text(bare)
    expect(answer).toContain('"content-length":"0"')
    expect(answer).not.toContain('"transfer-encoding"')
    const body = new Blob(['hello']).stream()
    const { seen } = await get('/a', { method: 'POST', body, duplex: 'half' })
    expect(seen).toMatchObject({ body: 'hello', headers: { 'transfer-encoding': 'chunked' } })
    expect(seen.headers['content-length']).toBeUndefined()
  })

  test('over the link, and on a connection that is open already: one round trip', async () => {
    const sockets = new Set<unknown>()
    handler = (request, response, region) => {
      sockets.add(request.socket)
      return echo(request, response, region)
    }
    const taken: number[] = []
    for (let i = 0; i < 5; i++) {
      const begin = performance.now()
      expect((await get('/', { headers: { 'fly-force-region': 'nrt' } })).seen.region).toBe('nrt')
      taken.push(performance.now() - begin)
    }
    expect(sockets.size).toBe(1)
    expect(Math.min(...taken)).toBeGreaterThan(RTT * 0.95)
  })

  test('past one that is down, or cut off', async () => {
    apps.get('syd')?.close()
    apps.get('syd')?.closeAllConnections()
    await new Promise((resolve) => setTimeout(resolve, 250))
    expect((await get('/')).seen.region).not.toBe('syd')
    world.partition('syd', 'nrt')
    expect((await get('/')).seen.region).toBe('ord')
    world.heal('syd', 'nrt')
    await open('syd')
    expect((await get('/')).seen.region).toBe('syd')
  })

  test('a client that leaves is gone for the app, too', async () => {
    const left = new Promise<void>((resolve) => {
      handler = (_, response) => void response.on('close', resolve)
    })
    const controller = new AbortController()
    const asked = get('/', { signal: controller.signal }).catch(() => undefined)
    setTimeout(() => controller.abort(), 50)
    await Promise.all([left, asked])
  })
})

describe('fly-replay', () => {
  test('sends it again beside the primary, with its body, and says from where', async () => {
    handler = replayTo('region=nrt;state=write')
    const { seen, replays, status } = await get('/a', { method: 'POST', body: 'hello', headers: { cookie: 'c=1' } })
    expect({ status, replays, ...seen }).toMatchObject({
      status: 200,
      replays: '1',
      region: 'nrt',
      body: 'hello',
      method: 'POST',
    })
    expect(seen.headers['fly-replay-src']).toMatch(/^instance=id-syd;region=syd;t=\d{16};state=write$/)
    expect(seen.headers).toMatchObject({ cookie: 'c=1', 'fly-region': 'syd' })
  })

  test('as JSON, which may change it', async () => {
    const json = {
      region: 'nrt,any',
      transform: {
        path: '/new?x=1',
        delete_headers: ['cookie'],
        set_headers: [{ name: 'x-token', value: 'secret' }],
      },
    }
    handler = (request, response, region) => {
      if (region === 'nrt') return echo(request, response, region)
      response.writeHead(200, { 'Content-Type': 'application/vnd.fly.replay+json' }).end(JSON.stringify(json))
    }
    const { seen } = await get('/a', { headers: { cookie: 'c=1' } })
    expect(seen).toMatchObject({ url: '/new?x=1', headers: { 'x-token': 'secret' } })
    expect(seen.headers).not.toHaveProperty('cookie')
  })

  test.each([
    ['instance=id-ord', 'ord', {}],
    ['elsewhere=true', 'nrt', {}],
    ['prefer_instance=id-ord', 'ord', {}],
    ['prefer_instance=gone;region=nrt', 'nrt', { 'fly-preferred-instance-unavailable': 'gone' }],
  ])('%s', async (fields, region, headers) => {
    handler = replayTo(fields, region)
    const { seen } = await get('/', { from: 'syd' })
    expect(['nrt', 'ord']).toContain(seen.region)
    if (fields !== 'elsewhere=true') expect(seen.region).toBe(region)
    expect(seen.headers).toMatchObject(headers)
  })

  test('more than 1 MB passes, but is not sent twice', async () => {
    const body = 'x'.repeat(2_000_000)
    expect((await get('/', { method: 'POST', body })).seen).toMatchObject({ region: 'syd', length: 2_000_000 })
    handler = replayTo('region=nrt')
    expect(await get('/', { method: 'POST', body })).toMatchObject({
      status: 502,
      body: expect.stringContaining('1 MB'),
    })
    expect((await get('/', { method: 'POST', body: 'x'.repeat(1_000_000) })).seen).toMatchObject({ length: 1_000_000 })
  })

  test('whoever cannot be reached: an error, or back to where it came from', async () => {
    handler = replayTo('region=fra')
    expect(await get('/')).toMatchObject({ status: 503, body: expect.stringContaining('no_candidate') })
    handler = replayTo('region=fra;fallback=force_self')
    const { seen } = await get('/', { method: 'POST', body: 'hello' })
    expect(seen).toMatchObject({ region: 'syd', body: 'hello' })
    expect(seen.headers['fly-replay-failed']).toMatch(
      /^app=app;region=fra;replay_source=id-syd;reason=no_candidate;elapsed_ms=\d+$/,
    )
    world.partition('syd', 'nrt')
    handler = replayTo('region=nrt;timeout=100ms;fallback=prefer_self')
    const late = await get('/')
    world.heal('syd', 'nrt')
    expect(late.seen.headers['fly-replay-failed']).toContain('reason=timeout')
  })

  test('neither loops nor nonsense go on for ever', async () => {
    handler = (request, response) => {
      const again = request.headers['fly-replay-failed'] === undefined ? 'elsewhere=true' : 'region=nrt'
      response.writeHead(409, { 'fly-replay': again }).end()
    }
    expect((await get('/')).status).toBe(508)
    handler = (_, response) => void response.writeHead(409, { 'fly-replay': 'region=fra;fallback=force_self' }).end()
    expect(await get('/')).toMatchObject({ status: 502, body: expect.stringContaining('cannot be replayed again') })
    handler = (_, response) => void response.writeHead(409, { 'fly-replay': 'rgion=nrt' }).end()
    expect(await get('/')).toMatchObject({ status: 502, body: expect.stringContaining('rgion') })
  })
})

describe('what no proxy could pass on', () => {
  test.each([
    ['a status that is none', 'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n'],
    ['control characters in the reason', 'HTTP/1.1 200 O\u0001K\r\nContent-Length: 0\r\n\r\n'],
    [
      'a protocol that nobody asked for',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n',
    ],
  ])('%s: the client hears of it, and the edge goes on', async (_, answer) => {
    const odd = createTcpServer(
      (socket) => void socket.on('error', () => undefined).once('data', () => socket.write(answer)),
    )
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve))
    edge.add({ id: 'odd', region: 'syd', port: (odd.address() as AddressInfo).port })
    try {
      expect((await get('/', { headers: { 'fly-force-instance-id': 'odd' } })).status).toBe(502)
    } finally {
      edge.remove('odd')
      odd.close()
    }
    expect((await get('/')).status).toBe(200)
  })

  test('a client that leaves while a replay looks for its target: the search ends', async () => {
    handler = replayTo('instance=asleep;timeout=10m')
    let asked = 0
    edge.add({
      region: 'nrt',
      port: 9,
      get id() {
        asked++
        return 'asleep'
      },
    })
    try {
      await get('/', { signal: AbortSignal.timeout(300) }).catch(() => undefined)
      const before = asked
      expect(before).toBeGreaterThan(0)
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(asked - before).toBeLessThanOrEqual(3)
    } finally {
      edge.remove('asleep')
    }
  })
})

describe('another protocol', () => {
  const speak = (path: string): Promise<{ region: unknown; heard: string }> =>
    new Promise((resolve, reject) => {
      const headers = { Connection: 'Upgrade', Upgrade: 'echo' }
      httpRequest(`${edge.url('syd')}${path}`, { headers })
        .on('upgrade', (response, socket) => {
          socket.on('data', (chunk: Buffer) => {
            resolve({ region: response.headers['x-served'], heard: String(chunk) })
            socket.destroy()
          })
          socket.write('hello')
        })
        .on('response', (response) => reject(new Error(`no upgrade: ${response.statusCode}`)))
        .on('error', reject)
        .end()
    })

  test('passes in both directions', async () => {
    expect(await speak('/')).toEqual({ region: 'syd', heard: 'hello' })
  })
  test('an offer of HTTP/2, as Java and curl make it, is none: the body comes along', async () => {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__' }
      httpRequest(`${edge.url('syd')}/offered`, { method: 'POST', headers })
        .on('response', resolve)
        .on('error', reject)
        .end('hello')
    })
    expect(JSON.parse(await text(answer))).toMatchObject({ method: 'POST', url: '/offered', body: 'hello' })
  })
  test('and is replayed before it begins', async () => {
    expect(await speak('/elsewhere')).toEqual({ region: 'nrt', heard: 'hello' })
  })
})
