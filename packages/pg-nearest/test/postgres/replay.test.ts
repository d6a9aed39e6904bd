import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { startEdge, startWorld, type Edge, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { replay, session } from '../../src/http/express.ts'
import { fastifyReplay } from '../../src/http/fastify.ts'
import { replay as honoReplay } from '../../src/http/hono.ts'
import { withReplay, withSession, type ReplayEvent } from '../../src/http/index.ts'
import { createPool, type NearestPool } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'

const RTT = 60
const REGIONS = ['nrt', 'syd'] as const

let world: World
let edge: Edge
const pools = new Map<string, NearestPool>()
const servers: Server[] = []
const ports = new Map<string, number>()
const decisions: (ReplayEvent & { region: string })[] = []

/** A copy of an app whose routes write as often as they are told. */
async function open(region: string): Promise<void> {
  const pool = createPool(world.poolOptions(region))
  pools.set(region, pool)
  await pool.refresh()
  const app = express()
  app.use(
    replay(pool, { onDecision: (event) => decisions.push({ ...event, region }) }),
    session(pool),
    express.json({ limit: '5mb' }),
  )
  const write = async (times: number, text: string): Promise<object> => {
    const begin = performance.now()
    for (let i = 0; i < times; i++) await pool.query('insert into notes (text) values ($1)', [text.slice(0, 20)])
    return { region, handlerMs: performance.now() - begin }
  }
  const read = async (): Promise<object> => {
    const { rows } = await pool.query<{ count: number }>('select count(*)::int as count from notes')
    return { region, count: rows[0]?.count }
  }
  app.post('/notes/:route', (request, response, next) => {
    const { text = 'x' } = (request.body ?? {}) as { text?: string }
    write(Number(request.query['times']), text).then((answer) => response.json(answer), next)
  })
  app.get('/visit', (_, response, next) => {
    write(1, 'visit').then((answer) => response.json(answer), next)
  })
  app.get('/notes', (_, response, next) => {
    read().then((answer) => response.json(answer), next)
  })
  const server = app.listen(0, '127.0.0.1')
  servers.push(server)
  await new Promise((resolve) => server.once('listening', resolve))
  ports.set(region, (server.address() as AddressInfo).port)
  edge.add({ id: `id-${region}`, region, port: ports.get(region) ?? 0 })
}

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['syd'], rtt: RTT })
  await ask(world.url('nrt'), 'create table notes (id int generated always as identity primary key, text text)')
  await caughtUp(world)
  edge = await startEdge(world)
  for (const region of REGIONS) await open(region)
})
afterAll(async () => {
  await edge?.close()
  for (const server of servers) server.close()
  await Promise.all([...pools.values()].map((pool) => pool.destroy()))
  await world?.stop()
})

interface Answer {
  readonly region: string
  readonly handlerMs: number
  readonly replays: number
  readonly timing: string | null
  readonly cookies: readonly string[]
  readonly status: number
}

/** Without the time that it has waited. */
function timingOf({ headers }: Response): string {
  const timing = headers.get('server-timing') ?? ''
  expect(timing).toMatch(/;dur=\d+\.\d$/)
  return timing.replace(/;dur=[\d.]+$/, '')
}

async function post(path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${edge.url('syd')}${path}`, { method: 'POST', ...init })
  const { region, handlerMs } = (await response.json()) as { region: string; handlerMs: number }
  return {
    region,
    handlerMs,
    replays: Number(response.headers.get('edge-replays')),
    timing: timingOf(response),
    cookies: response.headers.getSetCookie().map((cookie) => cookie.split(';', 1)[0] ?? ''),
    status: response.status,
  }
}
const countNotes = async (): Promise<number> =>
  (await ask<{ count: number }>(world.url('nrt'), 'select count(*)::int as count from notes'))[0]?.count ?? 0

describe('behind an edge', () => {
  test('a route that writes once is handled next door, one that writes five times beside the primary', async () => {
    const one = [await post('/notes/one?times=1'), await post('/notes/one?times=1'), await post('/notes/one?times=1')]
    expect(one.map(({ region, replays }) => `${region} ${replays}`)).toEqual(['syd 0', 'syd 0', 'syd 0'])
    expect(one[2]?.timing).toBe('pg-nearest;desc="cheap so far, 1 to the primary"')

    const five = [
      await post('/notes/five?times=5'),
      await post('/notes/five?times=5'),
      await post('/notes/five?times=5'),
    ]
    expect(five.map(({ region, replays }) => `${region} ${replays}`)).toEqual(['syd 0', 'nrt 1', 'nrt 1'])
    expect(five[0]?.timing).toBe('pg-nearest;desc="unmeasured, 5 to the primary"')
    expect(five[1]?.timing).toBe('pg-nearest;desc="replayed, 5 to the primary next door"')
    expect(decisions.filter(({ run }) => run === 'replay')).toMatchObject([
      { region: 'syd', route: 'POST /notes/five', reason: 'costly', trips: 0 },
      { region: 'syd', route: 'POST /notes/five', reason: 'costly', trips: 0 },
    ])
  })

  test('five statements take one ocean trip and the handler’s time, and not five', async () => {
    await post('/notes/timed?times=5')
    let least = Number.POSITIVE_INFINITY
    // What a busy machine adds is not ours.
    for (let i = 0; i < 5 || (least >= 2 * RTT && i < 25); i++) {
      const begin = performance.now()
      const { replays, handlerMs } = await post('/notes/timed?times=5')
      expect(replays).toBe(1)
      least = Math.min(least, performance.now() - begin - handlerMs)
    }
    expect(least).toBeLessThan(2 * RTT)
  })

  test('one statement takes one ocean trip when it is written directly', async () => {
    await post('/notes/direct?times=1')
    let least = Number.POSITIVE_INFINITY
    // As above.
    for (let i = 0; i < 5 || (least >= 2 * RTT && i < 25); i++) {
      const { replays, handlerMs } = await post('/notes/direct?times=1')
      expect(replays).toBe(0)
      least = Math.min(least, handlerMs)
    }
    expect(least).toBeLessThan(2 * RTT)
  })

  test('a habit that gets dearer is followed after two requests', async () => {
    for (let i = 0; i < 3; i++) expect((await post('/notes/dearer?times=1')).replays).toBe(0)
    const later: number[] = []
    for (let i = 0; i < 4; i++) later.push((await post('/notes/dearer?times=4')).replays)
    expect(later).toEqual([0, 0, 1, 1])
  })

  test('a habit that changes is followed', async () => {
    for (let i = 0; i < 2; i++) await post('/notes/habit?times=4')
    const later: number[] = []
    for (let i = 0; i < 24; i++) later.push((await post('/notes/habit?times=1')).replays)
    expect(later.slice(0, 3)).toEqual([1, 1, 1])
    expect(later.slice(-3)).toEqual([0, 0, 0])
  })

  test('the session goes on: what was written beside the primary is read next door', async () => {
    const { replays, cookies } = await post('/notes/five?times=5')
    expect(replays).toBe(1)
    const headers = { cookie: cookies.join('; ') }
    const response = await fetch(`${edge.url('syd')}/notes`, { headers })
    expect(await response.json()).toMatchObject({ region: 'syd', count: await countNotes() })
  })

  test('what cannot be replayed runs next door, and writes all the same', async () => {
    const before = await countNotes()
    const text = 'x'.repeat(2_000_000)
    const large = await post('/notes/five?times=5', {
      body: JSON.stringify({ text }),
      headers: { 'content-type': 'application/json' },
    })
    expect([large.region, large.timing]).toEqual(['syd', 'pg-nearest;desc="body, 5 to the primary"'])
    expect(await countNotes()).toBe(before + 5)
    const preflight = await fetch(`${edge.url('syd')}/notes/five`, { method: 'OPTIONS' })
    expect([preflight.headers.get('edge-replays'), preflight.status]).toEqual(['0', 200])
  })

  test('a GET that writes once writes from next door', async () => {
    const before = await countNotes()
    for (let i = 0; i < 2; i++) {
      const response = await fetch(`${edge.url('syd')}/visit`)
      expect([response.headers.get('edge-replays'), await response.json()]).toMatchObject(['0', { region: 'syd' }])
    }
    expect(await countNotes()).toBe(before + 2)
  })

  test('where no copy of the app stands beside the primary, the write goes there directly', async () => {
    await post('/notes/lonely?times=3')
    edge.remove('id-nrt')
    try {
      const back = await post('/notes/lonely?times=3')
      expect([back.region, back.timing]).toEqual(['syd', 'pg-nearest;desc="replay-failed, 3 to the primary"'])
      expect((await post('/notes/lonely?times=3')).timing).toContain('region-failed')
    } finally {
      edge.add({ id: 'id-nrt', region: 'nrt', port: ports.get('nrt') ?? 0 })
    }
  })

  test('whatever a client claims, each write is made once, and the request ends', async () => {
    const before = await countNotes()
    const claims = [
      'fly-replay-src',
      'fly-replay-failed',
      'fly-replay-cache-status',
      'fly-region',
      'cookie',
      'upgrade-insecure-requests',
    ]
    const values = [
      'instance=x;region=nrt;t=1;state=pg-nearest',
      'region=nrt',
      'mars',
      '',
      'pg-nearest.x=y',
      '\u00ff'.repeat(50),
    ]
    const requests = claims.flatMap((name) => values.map((value) => ({ [name]: value })))
    const answers = await Promise.all(requests.map((headers) => post('/notes/forged?times=1', { headers })))
    expect(answers.every(({ status, replays }) => status === 200 && replays <= 1)).toBe(true)
    expect(await countNotes()).toBe(before + requests.length)
  })
})

test('without a proxy that replays, a 307 leads to the primary’s own host, once, with method, body and bookmark', async () => {
  const hosts = new Map<string, string>()
  const apps: Server[] = []
  try {
    for (const region of REGIONS) {
      const pool = pools.get(region)
      if (pool === undefined) throw new Error(`no pool in ${region}`)
      const app = express()
      const redirect = { nrt: hosts.get('nrt') ?? 'http://127.0.0.1:9' }
      app.use(replay(pool, { policy: 'always', redirect }), session(pool, { cookie: 'own' }), express.json())
      app.post('/moved', (request, response, next) => {
        const { text = '' } = request.body as { text?: string }
        pool
          .query('insert into notes (text) values ($1)', [text])
          .then(() => response.json({ region, text }))
          .catch(next)
      })
      const server = app.listen(0, '127.0.0.1')
      apps.push(server)
      await new Promise((resolve) => server.once('listening', resolve))
      hosts.set(region, `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    }
    const before = await countNotes()
    const init = { method: 'POST', body: '{"text":"moved"}', headers: { 'content-type': 'application/json' } }
    const first = await fetch(`${hosts.get('syd')}/moved?a=1`, { ...init, redirect: 'manual' })
    const location = `${hosts.get('nrt')}/moved?a=1&pg-nearest-replayed=syd`
    expect([first.status, first.headers.get('location')]).toEqual([307, location])
    const followed = await fetch(`${hosts.get('syd')}/moved?a=1`, init)
    expect(await followed.json()).toEqual({ region: 'nrt', text: 'moved' })
    expect(followed.headers.getSetCookie().some((cookie) => cookie.startsWith('own.'))).toBe(true)
    // The other host leads back here: it runs where it is.
    const misled = await fetch(`${hosts.get('syd')}/moved?pg-nearest-replayed=syd`, { ...init, redirect: 'manual' })
    expect([misled.status, await misled.json()]).toEqual([200, { region: 'syd', text: 'moved' }])
    expect(await countNotes()).toBe(before + 2)
  } finally {
    for (const app of apps) app.close()
  }
})

describe('the doors', () => {
  const poolIn = (region: string): NearestPool => {
    const pool = pools.get(region)
    if (pool === undefined) throw new Error(`no pool in ${region}`)
    return pool
  }
  const always = { policy: 'always' } as const
  const wanted = { status: 409, replay: 'region=nrt;state=pg-nearest;timeout=2s;fallback=prefer_self' }
  /** As Fly's proxy sets it. */
  const viaProxy = { 'fly-region': 'syd' }
  const seen = (response: Response): object => ({ status: response.status, replay: response.headers.get('fly-replay') })

  test('fetch', async () => {
    let handled = 0
    const handler = async (): Promise<Response> => {
      handled++
      await poolIn('syd').query("insert into notes (text) values ('fetch')")
      return Response.redirect('https://example.com/', 302)
    }
    const request = (): Request => new Request('https://app.example.com/', { method: 'POST', headers: viaProxy })
    expect(seen(await withReplay(poolIn('syd'), handler, always)(request()))).toEqual(wanted)
    expect(handled).toBe(0)
    const direct = await withReplay(poolIn('syd'), withSession(poolIn('syd'), handler))(request())
    expect(direct.status).toBe(302)
    expect(timingOf(direct)).toBe('pg-nearest;desc="unmeasured, 1 to the primary"')
    expect(direct.headers.getSetCookie()).toHaveLength(1)
  })

  test('without a proxy that would replay it, a request runs where it came in', async () => {
    const handled = withReplay(poolIn('syd'), async () => new Response('done'), always)
    const response = await handled(new Request('https://app.example.com/', { method: 'POST' }))
    expect([response.status, response.headers.get('fly-replay')]).toEqual([200, null])
    expect(timingOf(response)).toBe('pg-nearest;desc="no-proxy, 0 to the primary"')
  })

  test('Hono', async () => {
    const app = new Hono()
    app.use('/always', honoReplay(poolIn('syd'), always))
    app.use('/cost', honoReplay(poolIn('syd')))
    app.post('/:any', async (context) => {
      await poolIn('syd').transaction(async (tx) => tx.query("insert into notes (text) values ('hono')"))
      return context.text('done')
    })
    expect(seen(await app.request('/always', { method: 'POST', headers: viaProxy }))).toEqual(wanted)
    const direct = await app.request('/cost', { method: 'POST', headers: viaProxy })
    expect(timingOf(direct)).toMatch(/^pg-nearest;desc="unmeasured, [12] to the primary"$/)
  })

  test('Fastify', async () => {
    const app = fastify()
    const policy = ({ path }: { path: string }): 'always' | 'cost' => (path === '/always' ? 'always' : 'cost')
    await app.register(fastifyReplay, { pool: poolIn('syd'), policy })
    app.post('/:any', async () => {
      await poolIn('syd').query("insert into notes (text) values ('fastify')")
      return 'done'
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    try {
      const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
      const replayed = await fetch(`${url}/always`, { method: 'POST', headers: viaProxy })
      expect(seen(replayed)).toEqual(wanted)
      const direct = await fetch(`${url}/cost`, {
        method: 'POST',
        body: 'x',
        headers: { 'content-type': 'text/plain', ...viaProxy },
      })
      expect(timingOf(direct)).toBe('pg-nearest;desc="unmeasured, 1 to the primary"')
    } finally {
      await app.close()
    }
  })
})
