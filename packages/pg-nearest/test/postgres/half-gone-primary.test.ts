import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { createReader, errorResponse, type Message } from '../protocol/messages.ts'
import { caughtUp, healthOf, until, withUsers } from './fixtures.ts'

let world: World
let way: HalfWay
let pool: NearestPool
beforeEach(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 4 })
  await withUsers(world)
  const options = world.poolOptions('ord')
  way = await halfWay(options.primary.url)
  pool = createPool({ ...options, primary: { region: 'nrt', url: way.url }, failoverTimeoutMs: 400 })
  pool.on('error', () => undefined)
  await caughtUp(world, pool)
  // Connections to the primary that stay open.
  const clients = await Promise.all([1, 2, 3, 4].map(() => pool.primary.connect()))
  await Promise.all(clients.map((client) => client.query('select 1')))
  for (const client of clients) client.release()
})
afterEach(async () => {
  await pool?.destroy()
  await way?.stop()
  await world?.stop()
})

test('a primary that takes no new connections, and answers on those that are open, is in trouble and not gone', async () => {
  await world.pauseReplay('ord')
  way.close()
  await until(() => healthOf(pool.status(), 'nrt') === 'down', 'its probe to fail')
  let changes = 0
  pool.on('topology', () => changes++)
  const stale: string[] = []
  for (let i = 0; i < 50; i++) {
    const name = `Half ${i} ${Math.random()}`
    await pool.query({ text: 'insert into users (name) values ($1)', values: [name] })
    // Its probe fails in this time.
    await sleep(20)
    const { rows } = await pool.query({ text: 'select 1 from users where name = $1', values: [name] })
    if (rows.length === 0) stale.push(name)
  }
  expect(stale).toEqual([])
  expect(changes).toBeLessThan(5)
  expect(healthOf(pool.status(), 'nrt')).toBe('suspect')
  // Nothing is answered there any more.
  way.cut()
  await until(() => healthOf(pool.status(), 'nrt') === 'down', 'it to be gone', 4_000)
  await way.open()
  await until(() => healthOf(pool.status(), 'nrt') === 'up', 'it to be back')
})

test('an error is no sign of life of a server behind a pooler', async () => {
  way.lose()
  await until(() => healthOf(pool.status(), 'nrt') === 'down', 'its probe to fail')
  let changes = 0
  pool.on('topology', () => changes++)
  for (let i = 0; i < 5; i++) {
    const end = await pool.query('select pg_current_xact_id()').then(
      () => 'answered',
      () => 'failed',
    )
    expect(end).toBe('failed')
  }
  expect(changes).toBe(0)
  expect(healthOf(pool.status(), 'nrt')).toBe('down')
})

/** A way to a server of which only a part may be open. */
interface HalfWay {
  readonly url: string
  /** It takes no new connections, and ends those of probes. */
  close(): void
  open(): Promise<void>
  /** Ends what is open. */
  cut(): void
  /** The server behind it is gone: it answers each question with an error. */
  lose(): void
  stop(): Promise<void>
}

async function halfWay(url: string): Promise<HalfWay> {
  const { hostname, port } = new URL(url)
  const probes = new WeakSet<Socket>()
  const clients = new Set<Socket>()
  let lost = false
  const serve = (client: Socket): void => {
    const database = connect(Number(port), hostname)
    clients.add(client)
    for (const [socket, other] of [
      [client, database],
      [database, client],
    ] as const) {
      socket.on('error', () => undefined)
      socket.on('close', () => {
        clients.delete(client)
        other.destroy()
      })
    }
    const read = createReader('client')
    client.on('data', (data: Buffer) => {
      if (data.includes('pg-nearest monitor')) probes.add(client)
      const questions = read(data).filter(endsQuestion)
      if (!lost) database.write(data)
      else
        for (const _ of questions) client.write(Buffer.concat([errorResponse('ERROR', '08006', 'nobody there'), READY]))
    })
    database.on('data', (data: Buffer) => client.write(data))
  }
  const listen = async (at: number): Promise<Server> => {
    const server = createServer(serve).listen(at, '127.0.0.1')
    await once(server, 'listening')
    return server
  }
  let server = await listen(0)
  const address = new URL(url)
  address.port = String((server.address() as { port: number }).port)
  const cut = (): void => {
    for (const client of clients) client.destroy()
  }
  return {
    url: address.href,
    close() {
      server.close()
      for (const client of clients) if (probes.has(client)) client.destroy()
    },
    async open() {
      server = await listen(Number(address.port))
    },
    cut,
    lose: () => void (lost = true),
    async stop() {
      server.close()
      cut()
    },
  }
}

const READY = Buffer.from('Z\0\0\0\x05I', 'latin1')

function endsQuestion({ type }: Message): boolean {
  return type === 'Q' || type === 'S'
}
