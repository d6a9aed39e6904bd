import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, ServerList } from '../../src/index.ts'
import { connectionsOf } from './connection-counts.ts'
import { healthOf, until } from './fixtures.ts'
import { within } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** Far more than any of it takes, and far less than the time-outs for silence, raised here, would take to end it. */
const SOON_MS = 5_000
const PATIENT = { connectTimeoutMs: 60_000, probeTimeoutMs: 60_000 }
/** AuthenticationOk and ReadyForQuery. */
const GREETING = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49])

let world: World
let swallower: Server
let greets = false
const swallowed = new Set<Socket>()
const pools = new TestPools()

beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 20 })
  // It takes every connection, and says nothing, or nothing but a greeting.
  swallower = createServer((socket) => {
    swallowed.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => swallowed.delete(socket))
    socket.resume()
    if (greets) socket.once('data', () => socket.write(GREETING))
  })
  swallower.listen(0, '127.0.0.1')
  await once(swallower, 'listening')
})
afterEach(async () => {
  greets = false
  await pools.destroyAll()
  world.heal('ord', 'syd')
})
afterAll(async () => {
  for (const socket of swallowed) socket.destroy()
  swallower.close()
  await world.stop()
})

function start(options: NearestPoolOptions): NearestPool {
  const pool = pools.create({ region: 'ord', ...PATIENT, ...options })
  pool.on('error', () => undefined)
  return pool
}

/** The world's own servers without some replicas. */
function without(...regions: string[]): ServerList {
  const { primary, replicas } = world.poolOptions('ord')
  const kept: [string, string | readonly string[]][] = Object.entries(replicas)
  return { primary, replicas: Object.fromEntries(kept.filter(([region]) => !regions.includes(region))) }
}

/** The primary, and a replica that swallows everything. */
function withSwallower(): ServerList {
  const { port } = swallower.address() as AddressInfo
  return { primary: without().primary, replicas: { syd: `postgres://app:secret@127.0.0.1:${port}/app` } }
}

const soon = <T>(promise: Promise<T>, what: string): Promise<T> => within(SOON_MS, what, promise)

const reachesSwallower = (): Promise<void> => until(() => swallowed.size > 0, 'a connection to the one that swallows')
const leavesSwallower = (): Promise<void> => until(() => swallowed.size === 0, 'its connections to be closed', SOON_MS)

describe('refresh() ends', () => {
  test('when another list is taken at once, while the probes connect', async () => {
    const pool = start(without())
    const refreshed = pool.refresh()
    pool.setServers(without('ord', 'syd'))
    await soon(refreshed, 'refresh()')
    await soon(pool.refresh(), 'the next refresh()')
    expect(healthOf(pool.status(), 'nrt')).toBe('up')
  })

  test('when the list changes twice, and back', async () => {
    const pool = start(without())
    const first = pool.refresh()
    pool.setServers(without('ord'))
    const second = pool.refresh()
    pool.setServers(without())
    const third = pool.refresh()
    await soon(Promise.all([first, second, third]), 'one of three refresh()')
    for (const name of ['nrt', 'ord', 'syd']) expect(healthOf(pool.status(), name)).toBe('up')
  })

  test('when the probe that is asking is closed', async () => {
    const pool = start(without())
    await soon(pool.refresh(), 'refresh()')
    world.partition('ord', 'syd')
    const refreshed = pool.refresh()
    pool.setServers(without('syd'))
    await soon(refreshed, 'refresh()')
  })

  test('when a server that swallows everything leaves the list, and its socket is closed', async () => {
    const pool = start(withSwallower())
    const refreshed = pool.refresh()
    await reachesSwallower()
    pool.setServers(without())
    await soon(refreshed, 'refresh()')
    await leavesSwallower()
  })

  test('when another server takes the name of one that swallows everything', async () => {
    const pool = start(withSwallower())
    const refreshed = pool.refresh()
    await reachesSwallower()
    pool.setServers(without('ord'))
    await soon(refreshed, 'refresh()')
    await soon(pool.refresh(), 'the next refresh()')
    expect(healthOf(pool.status(), 'syd')).toBe('up')
    await leavesSwallower()
  })

  test.each(['end', 'destroy'] as const)('when %s() is called at once', async (how) => {
    const pool = start(without())
    const refreshed = pool.refresh()
    await soon(Promise.all([pool[how](), refreshed]), `${how}() during refresh()`)
  })

  test.each(['end', 'destroy'] as const)('when %s() is called while a server swallows everything', async (how) => {
    const pool = start(withSwallower())
    const refreshed = pool.refresh()
    await reachesSwallower()
    await soon(Promise.all([pool[how](), refreshed]), `${how}() during refresh()`)
    await leavesSwallower()
  })

  test.each([{ pipeline: true }, { pipeline: false }])(
    'when a server greets, and swallows all that it is asked, pipeline: $pipeline',
    async ({ pipeline }) => {
      greets = true
      const pool = start({ ...withSwallower(), probeTimeoutMs: 300, pipeline })
      await soon(pool.refresh(), 'refresh()')
      expect(healthOf(pool.status(), 'syd')).toBe('down')
    },
  )

  test('of an ended pool, and opens nothing', async () => {
    const pool = start({ ...without(), application_name: 'ended' })
    await soon(pool.refresh(), 'refresh()')
    await soon(pool.end(), 'end()')
    await soon(pool.refresh(), 'refresh() of an ended pool')
    for (const region of ['nrt', 'ord', 'syd'])
      await until(
        async () => (await connectionsOf(world.url(region), 'ended')) === 0,
        `no connection to ${region}`,
        SOON_MS,
      )
  })
})
