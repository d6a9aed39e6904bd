import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createServerConnections } from '../../src/connections/server-connections.ts'
import type { ServerConnections, ServerConnectionsOptions } from '../../src/connections/server-connections-types.ts'
import type { Lease } from '../../src/pooled-connection/lease.ts'
import { StatementExchange } from '../../src/exchange/statement-exchange.ts'
import { FakeServer } from '../model/fake-server.ts'
import { until } from '../model/harness.ts'
import { loginOf } from '../model/login-of.ts'

/**
 * What a server does to its connections at moments that no real one can be brought to on demand: the peer is a fake, its sockets are
 * real. Real servers are in the other files.
 */
let server: FakeServer
let made: ServerConnections[]
beforeEach(async () => {
  server = await FakeServer.start()
  made = []
})
afterEach(async () => {
  for (const each of made) each.destroy()
  await server.stop()
})

function connect(
  pgOptions: pg.PoolConfig & object,
  options: Partial<ServerConnectionsOptions> = {},
): ServerConnections {
  const connections = createServerConnections({
    server: { name: 'fake' },
    login: () => loginOf(server.url),
    connectTimeoutMs: 2_000,
    pgOptions,
    probedRole: () => 'primary',
    probedPooled: () => false,
    onEvent: () => undefined,
    onBusy: () => undefined,
    onLoss: () => undefined,
    onDialFailed: () => undefined,
    onPromotion: () => undefined,
    refusedWaitMs: () => 5_000,
    maxWaiting: 1_000,
    pipelines: () => true,
    onNoPipelines: () => undefined,
    ...options,
  })
  made.push(connections)
  return connections
}

/** What came of it; `nothing`, if it has not settled by then. */
function outcome(promise: Promise<unknown>, ms = 3_000): Promise<string> {
  const told = promise.then(
    () => 'done',
    (error: unknown) => `rejected: ${String((error as Error).cause ?? error)}`,
  )
  return Promise.race([told, sleep(ms, 'nothing')])
}

function run(lease: Lease, text: string): Promise<string> {
  return new Promise((resolve) => {
    lease.send(new StatementExchange({ text }, lease.client, ({ kind }) => resolve(kind)))
  })
}

const cutAll = (): void => {
  for (const session of server.sessions) session.cut()
}

test('a connection that dies while verify looks at it is not lent, and ends no process', async () => {
  const strays: unknown[] = []
  const stray = (error: unknown): void => void strays.push(error)
  process.on('unhandledRejection', stray)
  let looks = 0
  const verify = (_: unknown, done: (error?: unknown) => void): void => {
    if (looks++ === 0) setTimeout(cutAll, 10)
    setTimeout(done, 50)
  }
  const connections = connect({ verify } as pg.PoolConfig)
  expect(await outcome(connections.acquire({ purpose: 'client' }, undefined))).toBe('done')
  expect(strays).toEqual([])
  process.off('unhandledRejection', stray)
})

test('verify may take longer than the lifetime of a connection', async () => {
  let looks = 0
  const verify = (_: unknown, done: (error?: unknown) => void): void => {
    looks++
    setTimeout(done, 300)
  }
  const connections = connect({ verify, maxLifetimeSeconds: 0.2 } as pg.PoolConfig)
  expect(await outcome(connections.acquire({ purpose: 'client' }, undefined))).toBe('done')
  expect(looks).toBe(1)
})

test('a connection that dies while onConnect runs is not lent', async () => {
  let hooks = 0
  const onConnect = async (): Promise<void> => {
    if (hooks++ > 0) return
    cutAll()
    await sleep(50)
  }
  const connections = connect({ max: 1, onConnect })
  const lease = await connections.acquire({ purpose: 'client' }, undefined).catch(() => undefined)
  if (lease === undefined) return
  expect(await Promise.race([run(lease, 'select 1'), sleep(2_000, 'nothing')])).not.toBe('nothing')
})

test('a server that dies while onConnect asks it something is unreachable: the hook is not at fault', async () => {
  const onConnect = async (client: pg.ClientBase): Promise<void> => void (await client.query('cut'))
  const connections = connect({ max: 1, onConnect })
  await expect(connections.acquire({ purpose: 'client' }, undefined)).rejects.toMatchObject({ why: 'unreachable' })
})

test('a server that has no slot left, and none of ours, refuses at once and is not asked again and again', async () => {
  server.greeting = 'no-slot'
  const connections = connect({})
  const asked = Array.from({ length: 3 }, () => outcome(connections.acquire({ purpose: 'client' }, undefined)))
  expect(await Promise.all(asked)).toEqual([...asked].fill(expect.stringContaining('rejected') as never))
  expect(server.refused).toBeLessThanOrEqual(3)
})

test('a server that has no slot left is asked again once in a while, as long as one of ours lives', async () => {
  const connections = connect({})
  const lease = await connections.acquire({ purpose: 'client' }, undefined)
  server.greeting = 'no-slot'
  const waiting = outcome(connections.acquire({ purpose: 'client' }, undefined))
  await sleep(600)
  expect(server.refused).toBeGreaterThan(0)
  expect(server.refused).toBeLessThan(8)
  lease.release()
  expect(await waiting).toBe('done')
})

test('whoever waits at a server that refuses connections is told with its first word', async () => {
  server.stopListening()
  const failed: unknown[] = []
  const connections = connect({ max: 2 }, { onDialFailed: (error) => failed.push(error) })
  const asked = Array.from({ length: 20 }, () => outcome(connections.acquire({ purpose: 'client' }, undefined)))
  for (const each of await Promise.all(asked)) expect(each).toMatch(/rejected: .*ECONNREFUSED/)
  expect(failed.length).toBeLessThanOrEqual(4)
})

test('as many as "min" says stay, also when several have been idle for too long at once', async () => {
  const connections = connect({ min: 1, idleTimeoutMillis: 50 })
  const leases = await Promise.all(
    Array.from({ length: 4 }, () => connections.acquire({ purpose: 'client' }, undefined)),
  )
  for (const lease of leases) lease.release()
  expect(await until(() => connections.total < 4, 2_000)).toBe(true)
  await sleep(200)
  expect(connections.total).toBe(1)
})

test('a connection may be cancelled as often as one likes', async () => {
  const warnings: Error[] = []
  const warn = (warning: Error): void => void warnings.push(warning)
  process.on('warning', warn)
  const lease = await connect({}).acquire({ purpose: 'client' }, undefined)
  for (let i = 0; i < 15; i++) {
    const hanging = run(lease, 'hang')
    await lease.cancel()
    expect(await hanging).toBe('answered')
  }
  expect(await run(lease, 'select 1')).toBe('result')
  lease.release()
  await sleep(20)
  process.off('warning', warn)
  expect(warnings).toEqual([])
})

test.each(Array.from({ length: 12 }, (_, ticks) => ticks))(
  'what is cancelled %i ticks before, or after, the end of another cancellation is waited for',
  async (ticks) => {
    const lease = await connect({}).acquire({ purpose: 'client' }, undefined)
    const { stream } = (lease.client as unknown as { connection: { stream: Socket } }).connection
    const ended = new Promise<boolean>((resolve) => {
      stream.prependOnceListener('data', async () => {
        // oxlint-disable-next-line no-await-in-loop -- the ticks are what it is about
        for (let i = 0; i < ticks; i++) await Promise.resolve()
        void run(lease, 'hang')
        await lease.cancel()
        resolve(lease.quiet && lease.fence === undefined)
      })
    })
    // Nothing is in flight, so that what comes is the answer that ends it.
    void lease.cancel()
    expect(await ended).toBe(true)
    expect(await run(lease, 'select 1')).toBe('result')
  },
)

test.each<[string, (lease: Lease) => unknown]>([
  ['cancelled', (lease) => lease.cancel()],
  ['doomed', (lease) => lease.doom()],
  ['killed', (lease) => lease.kill(new Error('late'))],
])('a lease that is %s once it was released does nothing to the connection', async (_, late) => {
  const connections = connect({ max: 1 })
  const lease = await connections.acquire({ purpose: 'client' }, undefined)
  const [session] = server.sessions
  lease.release()
  void late(lease)
  const next = await Promise.race([connections.acquire({ purpose: 'client' }, undefined), sleep(2_000, undefined)])
  if (next === undefined) throw new Error('the connection cannot be had any more')
  expect(await run(next, 'select 1')).toBe('result')
  expect([...server.sessions]).toEqual([session])
})

test('whoever waits when all is ended is told so', async () => {
  const connections = connect({ max: 1 })
  const lease = await connections.acquire({ purpose: 'client' }, undefined)
  const waiting = outcome(connections.acquire({ purpose: 'client' }, undefined))
  const ended = outcome(connections.end())
  lease.release()
  expect(await waiting).toMatch('rejected')
  expect(await ended).toBe('done')
})

test('ending twice is the same end', async () => {
  const connections = connect({})
  const lease = await connections.acquire({ purpose: 'client' }, undefined)
  const ends = [connections.end(), connections.end()].map((each) => outcome(each))
  lease.release()
  expect(await Promise.all(ends)).toEqual(['done', 'done'])
})

test('what was sent while a cancel was under way is waited for when its connection is given back', async () => {
  const connections = connect({}, { pipelines: () => false })
  const lease = await connections.acquire({ purpose: 'client' }, undefined)
  server.fallSilent()
  server.stopListening()
  void lease.cancel()
  await sleep(50)
  const sent = run(lease, 'select 1')
  lease.release()
  await server.heal()
  expect(await sent).toBe('result')
})

test('a row that the caller’s own parser cannot read is no answer of the server’s: the statement was done', async () => {
  const lease = await connect({}).acquire({ purpose: 'client' }, undefined)
  const parser = (): never => {
    throw Object.assign(new Error('I cannot read it'), { code: '26000' })
  }
  const types = { getTypeParser: () => parser } as pg.CustomTypesConfig
  const kind = await new Promise((resolve) => {
    lease.send(new StatementExchange({ text: 'insert', types }, lease.client, (end) => resolve(end.kind)))
  })
  expect(kind).toBe('unreadable')
})

test('whoever stops waiting at the very moment of being served leaves the connection to the next one', async () => {
  const controller = new AbortController()
  const onEvent = (event: string): void => {
    if (event === 'acquire') controller.abort(new Error('enough'))
  }
  const connections = connect({ max: 1 }, { onEvent })
  connections.forward('acquire')
  const stopped = outcome(connections.acquire({ purpose: 'client' }, controller.signal))
  const next = connections.acquire({ purpose: 'client' }, undefined)
  expect(await stopped).toBe('rejected: Error: enough')
  expect(await outcome(next)).toBe('done')
  ;(await next).release()
  expect(connections.inFlight).toBe(0)
})

test.each([
  ['onConnect', { onConnect: (client: pg.Client) => client.query('begin') }],
  ['verify', { verify: (client: pg.Client, done: (error?: unknown) => void) => client.query('begin', done) }],
])('a connection that %s leaves in a transaction is lent to nobody', async (name, hooks) => {
  const connections = connect(hooks as pg.PoolConfig)
  expect(await outcome(connections.acquire({ purpose: 'client' }, undefined))).toBe(
    `rejected: Error: ${name} has left a transaction open`,
  )
})

test('a connection that dies while somebody has it is removed when it was released', async () => {
  const events: string[] = []
  const connections = connect({}, { onEvent: (event) => void events.push(event) })
  for (const event of ['connect', 'acquire', 'release', 'remove']) connections.forward(event)
  const lease = await connections.acquire({ purpose: 'client' }, undefined)
  for (const session of server.sessions) session.cut()
  await until(() => !lease.alive && connections.total === 0, 2_000)
  lease.release()
  expect(events).toEqual(['connect', 'acquire', 'release', 'remove'])
})

test('no more wait than may, also where the server grants fewer connections than "max"', async () => {
  const connections = connect({ max: 5 }, { maxWaiting: 2 })
  const lease = await connections.acquire({ purpose: 'client' }, undefined)
  server.greeting = 'no-slot'
  const waiting = [outcome(connections.acquire({ purpose: 'client' }, undefined))]
  await until(() => server.refused > 0 && connections.waiting === 1, 2_000)
  waiting.push(outcome(connections.acquire({ purpose: 'client' }, undefined)))
  expect(await outcome(connections.acquire({ purpose: 'client' }, undefined), 500)).toMatch(/^rejected: .*maxWaiting/)
  connections.destroy()
  lease.release()
  expect(await Promise.all(waiting)).not.toContain('nothing')
})
