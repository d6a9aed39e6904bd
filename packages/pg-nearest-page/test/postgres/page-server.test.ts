import { connect } from 'node:net'
import { request, type IncomingMessage, type RequestOptions } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ActionRefused, startPageServer, type PageServer } from '../../src/index.ts'
import { loadAssets } from '../../src/server/assets.ts'

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

/** With whatever headers; a browser's own `fetch` would not let `Host` and `Origin` be forged. */
function askAt(url: URL, options: RequestOptions, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, options, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }))
      response.on('error', reject)
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

function tokenIn(html: string): string {
  return /name="page-token" content="([^"]+)"/.exec(html)?.[1] ?? ''
}

describe('the page’s server', () => {
  let server: PageServer
  let done: unknown[] = []
  let acting: () => Promise<void> = () => Promise.resolve()

  beforeEach(async () => {
    done = []
    acting = () => Promise.resolve()
    server = await startPageServer({
      page: 'world',
      snapshot: () => ({ type: 'snapshot' }),
      act: async (action) => {
        await acting()
        done.push(action)
      },
      maxClients: 3,
    })
  })
  afterEach(() => server.close())

  const ask = (path: string, { body, ...options }: RequestOptions & { body?: string } = {}): Promise<Answer> =>
    askAt(new URL(`${server.url}${path}`), options, body)

  /** Which statuses these paths have, each once. */
  const statusesOf = async (paths: readonly string[]): Promise<(number | undefined)[]> => {
    const answers = await Promise.all(paths.map((path) => ask(path)))
    return [...new Set(answers.map(({ status }) => status))]
  }

  const tokenOf = async (): Promise<string> => tokenIn((await ask('')).text)

  const send = (body: string, headers: Record<string, string> = {}): Promise<Answer> =>
    ask('act', { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body })

  /** What comes of a raw request, until the server closes. */
  const raw = (text: string, keepSending?: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
      let answer = ''
      const timer = keepSending === undefined ? undefined : setInterval(() => socket.write(keepSending), 5)
      socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
      socket.on('error', () => undefined)
      socket.on('close', () => {
        clearInterval(timer)
        resolve(answer)
      })
      socket.write(text)
    })

  it('serves the page, with a policy that lets nothing else in', async () => {
    const { status, headers } = await ask('')
    expect(status).toBe(200)
    expect(headers['content-security-policy']).toContain("default-src 'none'")
    expect(headers['content-security-policy']).not.toContain('unsafe')
    expect(headers).toMatchObject({ 'x-frame-options': 'DENY', 'cross-origin-resource-policy': 'same-origin' })
    expect(headers).not.toHaveProperty('access-control-allow-origin')
    expect(await statusesOf(['page.css', 'uplot.js', 'browser/world.js', 'state/reduce-world.js'])).toEqual([200])
  })

  it('serves no other file', async () => {
    const others = [
      'package.json',
      '../package.json',
      'browser/../../package.json',
      '%2e%2e/package.json',
      'browser/world.js.map',
      'assets/page.css',
    ]
    expect(await statusesOf(others)).toEqual([404])
    expect(await raw('GET /../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).not.toContain(
      'root:',
    )
  })

  it('does what the page asks for, and says why it does not', async () => {
    const token = { 'x-page-token': await tokenOf() }
    expect(token['x-page-token']).toMatch(/^[\w-]{32}$/)
    expect((await send('{"do":"kill"}', token)).status).toBe(204)
    expect(done).toEqual([{ do: 'kill' }])
    acting = () => Promise.reject(new ActionRefused('It is dead already.'))
    expect(await send('{}', token)).toMatchObject({ status: 409, text: 'It is dead already.' })
    acting = () => Promise.reject(new Error('postgres://app:hunter2@127.0.0.1/app'))
    const broken = await send('{}', token)
    expect(broken.status).toBe(500)
    expect(broken.text).not.toContain('hunter2')
  })

  it('lets what is asked for take its time, and does it once', async () => {
    acting = () => sleep(1_500)
    const token = { 'x-page-token': await tokenOf() }
    expect((await send('{"do":"promote"}', token)).status).toBe(204)
    expect(done).toEqual([{ do: 'promote' }])
  })

  it('changes nothing for other hosts, other pages, and those without its token', async () => {
    const token = await tokenOf()
    const attempts: Record<string, string>[] = [
      {},
      { 'x-page-token': 'guessed' },
      { 'x-page-token': token, host: 'evil.example' },
      { 'x-page-token': token, origin: 'http://evil.example' },
      { 'x-page-token': token, origin: 'null' },
      { 'x-page-token': token, 'sec-fetch-site': 'cross-site' },
      { 'x-page-token': token, 'content-type': 'text/plain' },
    ]
    for (const headers of attempts) expect((await send('{"do":"kill"}', headers)).status).toBeGreaterThanOrEqual(400)
    expect(done).toEqual([])
    for (const method of ['PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const { status } = await ask('act', { method })
      expect(status).toBe(405)
    }
    const asked = await ask('act')
    expect(asked.status).toBe(404)
    const rebound = await ask('', { headers: { host: 'evil.example' } })
    expect(rebound.status).toBe(421)
    expect(rebound.text).not.toContain(token)
  })

  it('takes no more than it needs: of a body, of headers, of things to do at once', async () => {
    const token = { 'x-page-token': await tokenOf() }
    expect((await send(JSON.stringify({ text: 'x'.repeat(5_000) }), token)).status).toBe(413)
    expect((await send('{"do":', token)).status).toBe(413)
    const host = new URL(server.url).host
    expect(await raw(`GET / HTTP/1.1\r\nHost: ${host}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toContain('431')
    const endless = `POST /act HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nX-Page-Token: ${token['x-page-token']}\r\nTransfer-Encoding: chunked\r\n\r\n`
    expect(await raw(endless, `400\r\n${'x'.repeat(1_024)}\r\n`)).toContain('413')
    expect(done).toEqual([])

    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    let begun = 0
    acting = () => {
      begun++
      return held
    }
    const first = [send('1', token), send('2', token)]
    while (begun < 2) await sleep(5)
    expect((await send('3', token)).status).toBe(429)
    release()
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([204, 204])
  })

  it('lets as many look as may, and no slow one hold up the others', async () => {
    const streams = await Promise.all(
      Array.from(
        { length: 200 },
        () =>
          new Promise<IncomingMessage | undefined>((resolve) => {
            request(`${server.url}events`, resolve)
              .on('error', () => resolve(undefined))
              .end()
          }),
      ),
    )
    const open = streams.filter((stream) => stream?.statusCode === 200)
    expect(open).toHaveLength(3)
    expect(server.clients).toBe(3)
    const [first, ...others] = open
    const got: string[] = []
    first?.on('data', (chunk: Buffer) => got.push(chunk.toString()))
    server.publish({ type: 'told' })
    server.publish({ type: 'told again' })
    while (!got.join('').includes('told again')) await sleep(5)
    expect(got.join(''), 'in one message').toContain('data: [{"type":"told"},{"type":"told again"}]')
    for (const other of others) other?.destroy()
    await vi.waitUntil(() => server.clients === 1)
    first?.destroy()
    await vi.waitUntil(() => server.clients === 0)
    const { status } = await ask('')
    expect(status).toBe(200)
  })
})

describe('the page’s server, on another address than this machine’s own', () => {
  let server: PageServer
  let done: unknown[] = []
  let printed: URL

  beforeEach(async () => {
    done = []
    server = await startPageServer({
      page: 'world',
      snapshot: () => ({}),
      act: async (action) => void done.push(action),
      maxClients: 3,
      host: '0.0.0.0',
    })
    printed = new URL(server.url)
    printed.hostname = '127.0.0.1'
  })
  afterEach(() => server.close())

  const ask = (path: string, { body, ...options }: RequestOptions & { body?: string } = {}): Promise<Answer> =>
    askAt(new URL(path, printed), options, body)

  const arrive = async (): Promise<{ cookie: string; token: string }> => {
    const { headers } = await ask(printed.href)
    const cookie = headers['set-cookie']?.[0]?.split(';', 1)[0] ?? ''
    return { cookie, token: tokenIn((await ask('/', { headers: { cookie } })).text) }
  }
  const kill = (headers: Record<string, string>): Promise<Answer> =>
    ask('/act', { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: '{"do":"kill"}' })

  it('lets in who has opened the address that it has printed, and nobody else', async () => {
    const strangers = await Promise.all(
      ['/', '/page.css', '/events', '/events?key=guessed', '/?key='].map((at) => ask(at)),
    )
    expect(strangers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403])
    const arrival = await ask(printed.href)
    expect(arrival.status).toBe(303)
    expect(arrival.headers.location, 'without the key').toBe('./')
    expect(arrival.headers['set-cookie']?.[0]).toContain('HttpOnly; SameSite=Strict')
    const { cookie, token } = await arrive()
    expect((await kill({ cookie, 'x-page-token': token })).status).toBe(204)
    expect(done).toEqual([{ do: 'kill' }])
  })

  it('prints an address that a browser can open, not the one for all addresses', () => {
    expect(new URL(server.url).hostname).not.toBe('0.0.0.0')
  })

  it('changes nothing for those who lack the key or the token, nor for other pages to which a browser brings the cookie', async () => {
    const { cookie, token } = await arrive()
    const own = { cookie, 'x-page-token': token }
    const attempts: Record<string, string>[] = [
      {},
      { 'x-page-token': token },
      { 'x-page-token': token, cookie: cookie.slice(0, -1) },
      { cookie },
      { cookie, 'x-page-token': 'guessed' },
      { ...own, origin: 'http://evil.example' },
      { ...own, origin: 'null' },
      { ...own, origin: `http://evil.example:${printed.port}` },
      { ...own, 'sec-fetch-site': 'cross-site' },
      { ...own, 'sec-fetch-site': 'same-site' },
      { ...own, 'content-type': 'text/plain' },
      // Another page’s name that leads here: its browser has no cookie for that name.
      { 'x-page-token': token, host: 'evil.example', origin: 'http://evil.example' },
    ]
    for (const headers of attempts) expect([403, 415]).toContain((await kill(headers)).status)
    expect(done).toEqual([])
    expect((await ask('/', { headers: { host: 'evil.example' } })).text).not.toContain(token)
  })

  it('is not held up by many who have no key', async () => {
    const { cookie } = await arrive()
    const crowd = await Promise.all(
      Array.from({ length: 200 }, () =>
        ask('/events').then(
          ({ status }) => status,
          () => 'cut off',
        ),
      ),
    )
    expect(crowd.filter((status) => status !== 403 && status !== 'cut off')).toEqual([])
    expect(server.clients).toBe(0)
    const { status } = await ask('/', { headers: { cookie } })
    expect(status).toBe(200)
  })
})

describe('the assets', () => {
  it('are below 150 kB as they are sent', async () => {
    const assets = await loadAssets('world')
    const sent = [...assets.values()].reduce((sum, { gzipped }) => sum + gzipped.length, 0)
    expect(sent).toBeLessThan(150_000)
    expect([...assets.values()].every(({ body, gzipped }) => gzipped.length <= gzipSync(body).length + 64)).toBe(true)
  })
})
