import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import QueryStream from 'pg-query-stream'
import { startEdge, startWorld, type Edge, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sessionFor, type ReplayEvent } from '../../src/http/index.ts'
import { createPool, isRequestReplayedError, type NearestPool } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import type { App } from './http-doors.ts'
import { replayDoors, type Act } from './replay-doors.ts'

const RTT = 40
const REGIONS = ['nrt', 'syd'] as const
const WRITE = "insert into orders (region) values ('x')"

let world: World
const pools = new Map<string, NearestPool>()
/** What the handlers did that is no statement, such as sending mail, and what their statements failed with. */
const seen: string[] = []
/** Until then a handler waits before it writes. */
let released: Promise<void> = Promise.resolve()
const decisions: ReplayEvent[] = []

/** What the apps do, by path. */
function actIn(region: string, pool: NearestPool): Act {
  const write = async (): Promise<void> => {
    await pool.query(WRITE)
  }
  const noting = async (work: Promise<unknown>): Promise<void> => {
    await work.catch((error: unknown) => void seen.push(`${region} ${isRequestReplayedError(error)}`))
  }
  const acts: Record<string, () => Promise<void>> = {
    read: async () => {
      await pool.query('select count(*) from orders')
      await pool.query(new QueryStream('select region from orders')).toArray()
    },
    five: async () => {
      await pool.query('select count(*) from orders')
      seen.push(`${region} mail`)
      for (let i = 0; i < 5; i++) await write()
    },
    caught: async () => {
      await noting(write())
      await noting(write())
    },
    parallel: async () => void (await Promise.all([write(), write(), write()])),
    transaction: () =>
      pool.transaction(async (tx) => {
        await tx.query('select count(*) from orders')
        await tx.query(WRITE)
        await tx.query(WRITE)
      }),
    'read-only': async () => {
      await pool.transaction({ readOnly: true }, async (tx) => tx.query('select count(*) from orders'))
      await pool.replica().query('select 1')
    },
    borrowed: async () => {
      const client = await pool.connect()
      try {
        await client.query('select count(*) from orders')
        await client.query('begin')
        await client.query(WRITE)
        await client.query('commit')
      } catch (error) {
        await client.query('rollback')
        throw error
      } finally {
        client.release()
      }
    },
    function: async () => {
      await pool.query('select place_order()')
      await pool.query('select place_order()')
    },
    // It runs on the primary, and nobody can tell that it only reads.
    strong: async () => {
      await pool.query({ text: 'select count_orders()', consistency: 'strong' })
      await write()
    },
    asked: async () => void (await pool.primary.query('select place_order()')),
    afterwards: async () => {
      setTimeout(() => void write(), 30)
    },
    'guarded-within': async () => {
      await pool.beforeWrite(() => undefined, write)
      await write()
    },
    held: async () => {
      await released
      await write()
    },
  }
  async function* parts(): AsyncGenerator<string> {
    yield `{"region":"${region}"`
    await new Promise((resolve) => setTimeout(resolve, 20))
    await write()
    yield '}'
  }
  return (path) => {
    const name = path.slice(1).split('?', 1)[0] ?? ''
    if (name === 'streamed') return parts()
    const act = acts[name] ?? acts['read']
    return (act?.() ?? Promise.resolve()).then(() => ({ region }))
  }
}

const countOrders = async (): Promise<number> =>
  (await ask<{ count: number }>(world.url('nrt'), 'select count(*)::int as count from orders'))[0]?.count ?? 0

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['syd'], rtt: RTT })
  await ask(
    world.url('nrt'),
    `create table orders (id int generated always as identity primary key, region text);
     create function place_order() returns void language sql as $$ ${WRITE} $$;
     create function count_orders() returns bigint language sql as $$ select count(*) from orders $$`,
  )
  await caughtUp(world)
  for (const region of REGIONS) {
    const pool = createPool(world.poolOptions(region))
    pools.set(region, pool)
    await pool.refresh()
  }
})
beforeEach(() => {
  seen.length = 0
  decisions.length = 0
})
afterAll(async () => {
  await Promise.all([...pools.values()].map((pool) => pool.destroy()))
  await world?.stop()
})

describe.each(replayDoors)('%s', (_, open) => {
  let edge: Edge
  const apps = new Map<string, App>()

  beforeAll(async () => {
    edge = await startEdge(world)
    for (const [region, pool] of pools) {
      const onDecision = (event: ReplayEvent): void => void (region === 'syd' && decisions.push(event))
      const app = await open(pool, actIn(region, pool), { policy: 'first-write', onDecision })
      apps.set(region, app)
      add(region, app)
    }
  })
  afterAll(async () => {
    await edge?.close()
    for (const app of apps.values()) await app.close()
  })

  function add(region: string, app: App): void {
    edge.add({ id: `id-${region}`, region, port: (app.server.address() as AddressInfo).port })
  }

  /** Where a request was answered, how often it was replayed, and how many orders it made. */
  async function post(path: string, init: RequestInit = { method: 'POST' }): Promise<string> {
    const before = await countOrders()
    const response = await fetch(`${edge.url('syd')}${path}`, init)
    const { region } = (await response.json()) as { region: string }
    const orders = (await countOrders()) - before
    return `${response.status} ${region}, ${response.headers.get('edge-replays')} replayed, ${orders} written`
  }

  test('what reads stays next door', async () => {
    expect(await post('/read')).toBe('200 syd, 0 replayed, 0 written')
    expect(await post('/read-only')).toBe('200 syd, 0 replayed, 0 written')
    expect(decisions).toMatchObject([
      { run: 'here', reason: 'first-write', trips: 0 },
      { run: 'here', reason: 'first-write', trips: 0 },
    ])
  })

  test.each([
    ['/five', 5],
    ['/parallel', 3],
    ['/transaction', 2],
    ['/borrowed', 1],
    ['/function', 2],
    ['/asked', 1],
    ['/guarded-within', 2],
  ])('%s is replayed at its first write, and writes once', async (path, orders) => {
    expect(await post(path)).toBe(`200 nrt, 1 replayed, ${orders} written`)
    expect(decisions.map(({ run, reason }) => `${run} ${reason}`)).toEqual(['replay first-write'])
  })

  test('what the handler did before it wrote, it has done twice', async () => {
    await post('/five')
    expect(seen).toEqual(['syd mail', 'nrt mail'])
  })

  test('a handler that catches the error and goes on: its answer reaches nobody, and it writes nothing', async () => {
    expect(await post('/caught')).toBe('200 nrt, 1 replayed, 2 written')
    expect(seen).toEqual(['syd true', 'syd true'])
  })

  test('a GET that writes', async () => {
    expect(await post('/five', {})).toBe('200 nrt, 1 replayed, 5 written')
  })

  test('a write in a stream that has begun is made from here', async () => {
    expect(await post('/streamed')).toBe('200 syd, 0 replayed, 1 written')
  })

  test('so is one after the response', async () => {
    const before = await countOrders()
    expect(await post('/afterwards')).toContain('200 syd, 0 replayed')
    await expect.poll(countOrders).toBe(before + 1)
  })

  test('and one for a client that has left, for whom nobody sends anything again', async () => {
    const before = await countOrders()
    let release = (): void => undefined
    released = new Promise((resolve) => (release = resolve))
    const server = apps.get('syd')?.server
    if (server === undefined) throw new Error('no app in syd')
    const arrived = once(server, 'request')
    const leaving = new AbortController()
    const left = fetch(`${edge.url('syd')}/held`, { method: 'POST', signal: leaving.signal }).catch(() => undefined)
    const [, response] = (await arrived) as [IncomingMessage, ServerResponse]
    const closed = once(response, 'close')
    leaving.abort()
    await Promise.all([left, closed])
    release()
    await expect.poll(countOrders).toBe(before + 1)
  })

  test('and one behind what may have written on the primary', async () => {
    expect(await post('/strong')).toBe('200 syd, 0 replayed, 1 written')
  })

  test('and those of a body that cannot be sent again', async () => {
    const body = JSON.stringify({ text: 'x'.repeat(2_000_000) })
    const init = { method: 'POST', body, headers: { 'content-type': 'text/plain' } }
    expect(await post('/five', init)).toBe('200 syd, 0 replayed, 5 written')
  })

  test('and of one that came back, because no copy of the app runs there', async () => {
    const app = apps.get('nrt')
    if (app === undefined) throw new Error('no app in nrt')
    edge.remove('id-nrt')
    try {
      expect(await post('/parallel')).toBe('200 syd, 1 replayed, 3 written')
    } finally {
      add('nrt', app)
    }
  })

  test('a socket is no request that could be replayed: it writes from here', async () => {
    const server = apps.get('syd')?.server
    const pool = pools.get('syd')
    if (server === undefined || pool === undefined) throw new Error('no app in syd')
    const upgrade = async (request: IncomingMessage, socket: Socket): Promise<void> => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: writing\r\n\r\n')
      const { servedBy } = await sessionFor(pool, request).query(WRITE)
      socket.end(servedBy.server)
    }
    server.on('upgrade', upgrade)
    try {
      const headers = { connection: 'upgrade', upgrade: 'writing' }
      const request = httpRequest(edge.url('syd'), { headers }).end()
      const [response, socket] = (await once(request, 'upgrade')) as [IncomingMessage, Socket]
      expect([response.statusCode, await text(socket)]).toEqual([101, 'nrt'])
    } finally {
      server.off('upgrade', upgrade)
    }
  })
})
