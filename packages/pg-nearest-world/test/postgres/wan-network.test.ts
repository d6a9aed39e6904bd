import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { createNetwork, type Network } from '../../src/wan/network.ts'
import { expectTimes, hangs, until } from './world-support.ts'

/** What a test opened, closed in reverse. */
const closings: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closings.splice(0).toReversed()) await close()
})

async function serve(onConnection: (socket: Socket) => void): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>()
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
    onConnection(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  closings.push(() => {
    for (const socket of sockets) socket.destroy()
    return once(server.close(), 'close')
  })
  return { port: (server.address() as AddressInfo).port, sockets }
}

/** An app in `app` that is this far from a server in `db`. */
async function between(serverPort: number, rttMs: number): Promise<Network> {
  const network = createNetwork()
  closings.push(() => network.close())
  await network.addRegion('app', () => 0)
  await network.addRegion('db', () => serverPort)
  network.setRtt('app', 'db', rttMs)
  return network
}

async function dial(network: Network): Promise<Socket> {
  const socket = connect({ port: network.port('app', 'db'), host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
  socket.on('error', () => undefined)
  closings.push(async () => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Milliseconds until this event of a socket. */
async function timeOf(socket: Socket, event: string): Promise<number> {
  const start = performance.now()
  await new Promise<void>((resolve) => {
    socket.once(event, () => resolve())
    socket.resume()
  })
  return performance.now() - start
}

async function trips(socket: Socket, count: number, pauseMs = 0): Promise<number[]> {
  const taken: number[] = []
  for (let i = 0; i < count; i++) {
    await sleep(pauseMs)
    socket.write('x')
    taken.push(await timeOf(socket, 'data'))
  }
  return taken
}

/** One time alone may be late on a busy machine, but never early. */
function expectTime(taken: number | undefined, ms: number): void {
  expect(taken).toBeGreaterThan(ms - 1)
  expect(taken).toBeLessThan(ms * 1.05 + 20)
}

const echo = (socket: Socket): void => void socket.pipe(socket)

test.each([
  [0.5, 20],
  [3, 20],
  [20, 45],
  [128, 5],
  [220, 5],
])('an echo over %d ms takes them', async (rttMs, count) => {
  const { port } = await serve(echo)
  const socket = await dial(await between(port, rttMs))
  await trips(socket, 2)
  expectTimes(await trips(socket, count, 1), rttMs)
})

test('each way takes half', async () => {
  const heard: number[] = []
  const { port } = await serve((socket) => {
    socket.on('data', () => {
      heard.push(performance.now())
      socket.write('x')
    })
  })
  const socket = await dial(await between(port, 100))
  await trips(socket, 1)
  const ways: [number, number][] = []
  for (let i = 0; i < 5; i++) {
    const sent = performance.now()
    await trips(socket, 1)
    const there = heard.at(-1) ?? Number.NaN
    ways.push([there - sent, performance.now() - there])
  }
  expectTimes(
    ways.map(([there]) => there),
    50,
  )
  expectTimes(
    ways.map(([, back]) => back),
    50,
  )
})

test('the delay counts from the sending: what is sent in a row arrives in a row', async () => {
  const { port } = await serve(echo)
  const socket = await dial(await between(port, 100))
  await trips(socket, 1)
  const start = performance.now()
  const heard: number[] = []
  // Two that arrive at once are one event.
  socket.on('data', (bytes: Buffer) => heard.push(...Array.from(bytes, () => performance.now() - start)))
  let sentAt = 0
  for (let i = 0; i < 10; i++) {
    sentAt = performance.now() - start
    socket.write('x')
    await sleep(10)
  }
  await until(async () => heard.length === 10)
  expect((heard.at(-1) ?? Number.NaN) - sentAt).toBeLessThan(100 + 30)
  expect(heard[0]).toBeLessThan(120)
})

test.each([
  ['that speaks first', (socket: Socket) => void socket.write('hello'), 100],
  ['that answers', echo, 200],
])('to connect to a server %s takes a round trip', async (_name, onConnection, ms) => {
  const network = await between((await serve(onConnection)).port, 100)
  const start = performance.now()
  const socket = await dial(network)
  if (onConnection === echo) socket.write('x')
  await timeOf(socket, 'data')
  expectTime(performance.now() - start, ms)
})

test('a new connection does not hold up the others of a narrow line', async () => {
  const { port } = await serve(echo)
  const network = await between(port, 200)
  network.setBandwidth('app', 'db', 1_000_000)
  const socket = await dial(network)
  await trips(socket, 1)
  const other = await dial(network)
  other.write('y')
  await sleep(120)
  expectTime((await trips(socket, 1))[0], 200)
})

test('an end crosses the distance, and leaves the other way open', async () => {
  const { port } = await serve((socket) => {
    socket.resume().on('end', () => socket.end('the last word'))
  })
  const socket = await dial(await between(port, 60))
  await sleep(80)
  socket.end()
  const heard: Buffer[] = []
  socket.on('data', (chunk: Buffer) => heard.push(chunk))
  expectTime(await timeOf(socket, 'end'), 60)
  expect(Buffer.concat(heard).toString()).toBe('the last word')
})

test('the death of either side reaches the other one way later', async () => {
  const { port, sockets } = await serve(echo)
  const network = await between(port, 100)
  const [one, two] = [await dial(network), await dial(network)]
  await trips(one, 1)
  await trips(two, 1)
  const [first, second] = [...sockets]
  if (first === undefined || second === undefined) throw new Error('two connections were expected')
  first.resetAndDestroy()
  expectTime(await timeOf(one, 'close'), 50)
  two.resetAndDestroy()
  expectTime(await timeOf(second, 'close'), 50)
})

test('where nobody listens the connection is reset after a round trip', async () => {
  const network = await between(1, 80)
  const start = performance.now()
  const socket = await dial(network)
  const error = once(socket, 'error')
  expect(((await error) as [NodeJS.ErrnoException])[0].code).toBe('ECONNRESET')
  expectTime(performance.now() - start, 80)
})

test('a client that gives up before its connection stands never reaches the server for long', async () => {
  const { port, sockets } = await serve(echo)
  const network = await between(port, 100)
  const socket = await dial(network)
  await sleep(70)
  expect(sockets.size).toBe(1)
  socket.resetAndDestroy()
  await until(async () => sockets.size === 0, 1_000)
})

test('20 MB arrive whole, both ways, whatever the jitter', async () => {
  const { port } = await serve(echo)
  const network = await between(port, 10)
  network.setJitter('app', 'db', 10)
  const socket = await dial(network)
  const sent = Buffer.alloc(20_000_000)
  for (let i = 0; i < sent.length; i += 4) sent.writeUInt32LE(i, i)
  const heard: Buffer[] = []
  socket.on('data', (chunk: Buffer) => heard.push(chunk))
  socket.end(sent)
  await once(socket, 'end')
  expect(Buffer.concat(heard).equals(sent)).toBe(true)
})

test('who does not read makes the other side wait', async () => {
  let written = 0
  const chunk = Buffer.alloc(100_000)
  const { port } = await serve((socket) => {
    const more = (): void => {
      while (written < 100_000_000) {
        written += chunk.length
        if (!socket.write(chunk)) return
      }
    }
    socket.on('drain', more)
    more()
  })
  const socket = await dial(await between(port, 10))
  let before = -1
  await until(async () => {
    if (before === written) return true
    before = written
    await sleep(200)
    return false
  })
  expect(written).toBeGreaterThan(1_000_000)
  expect(written).toBeLessThan(50_000_000)
  let read = 0
  socket.on('data', (data: Buffer) => {
    read += data.length
  })
  await until(async () => read === 100_000_000)
})

test('in a partition there is silence, for new connections too; after it everything arrives', async () => {
  const { port, sockets } = await serve(echo)
  const network = await between(port, 20)
  const socket = await dial(network)
  await trips(socket, 1)
  network.partition('db', 'app')
  expect(network.partitioned('app', 'db')).toBe(true)
  socket.write('x')
  const late = await dial(network)
  late.write('y')
  const answers = Promise.all([once(socket, 'data'), once(late, 'data')])
  expect(await hangs(answers, 300)).toBe(true)
  expect(sockets.size).toBe(1)
  network.heal('app', 'db')
  expect(String(await answers)).toBe('x,y')
})

test('a partition hides a death, until it heals', async () => {
  const { port, sockets } = await serve(echo)
  const network = await between(port, 20)
  const socket = await dial(network)
  await trips(socket, 1)
  network.partition('app', 'db')
  for (const each of sockets) each.resetAndDestroy()
  const closed = timeOf(socket, 'close')
  expect(await hangs(closed, 200)).toBe(true)
  network.heal('app', 'db')
  expect(await hangs(closed, 200)).toBe(false)
})

test('a line that is widened lets go of its queue', async () => {
  const { port } = await serve(echo)
  const network = await between(port, 10)
  const socket = await dial(network)
  await trips(socket, 1)
  network.setBandwidth('app', 'db', 1_000)
  let heard = 0
  socket.on('data', (data: Buffer) => {
    heard += data.length
  })
  socket.write(Buffer.alloc(500_000))
  await sleep(200)
  expect(heard).toBe(0)
  network.setBandwidth('app', 'db', Number.POSITIVE_INFINITY)
  await until(async () => heard === 500_000, 1_000)
})

test('when it closes everything ends at once, and twice is once', async () => {
  const { port, sockets } = await serve(echo)
  const network = await between(port, 2_000)
  const linkPort = network.port('app', 'db')
  network.setRtt('app', 'db', 0)
  const socket = await dial(network)
  await trips(socket, 1)
  network.setRtt('app', 'db', 2_000)
  const start = performance.now()
  const closed = timeOf(socket, 'end')
  await Promise.all([network.close(), network.close()])
  await closed
  await until(async () => sockets.size === 0, 500)
  expect(performance.now() - start).toBeLessThan(500)
  const error = once(connect({ port: linkPort, host: '127.0.0.1' }), 'error')
  expect(((await error) as [NodeJS.ErrnoException])[0].code).toBe('ECONNREFUSED')
})

test.each([
  ['app', 'app'],
  ['app', 'moon'],
  ['moon', 'db'],
])('there is no link from %s to %s', async (from, to) => {
  const network = await between(1, 1)
  expect(() => network.port(from, to)).toThrow(expect.objectContaining({ code: 'WORLD_UNKNOWN_REGION' }))
})
