import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { finished } from 'node:stream/promises'
import pg from 'pg'
import { from } from 'pg-copy-streams'
import { startWorld } from 'pg-nearest-world'
import { afterEach, expect, test } from 'vitest'
import type { RoutedClient } from '../../src/index.ts'
import { administer, ask, caughtUp, until } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** What a client's COPY, or pg's own Query, has committed is replicated, and its answer is held. The replica is promoted, and is the primary of the next list. No pooler anywhere. */
const pools = new TestPools()
afterEach(() => pools.destroyAll())

/** Once the client has sent this, it hears nothing any more. */
async function startMute(
  url: string,
  marker: Buffer,
): Promise<{ url: string; stop: () => void; muted: Promise<void> }> {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  let mute = (): void => undefined
  const muted = new Promise<void>((resolve) => (mute = resolve))
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    let silent = false
    for (const [a, b] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(a)
      a.on('error', () => b.destroy())
      a.on('close', () => b.destroy())
    }
    client.on('data', (data) => {
      if (data.includes(marker)) {
        silent = true
        mute()
      }
      upstream.write(data)
    })
    upstream.on('data', (data) => void (silent || client.write(data)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = new URL(url)
  own.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const stop = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { url: own.href, muted, stop }
}

const writes: Record<string, (client: RoutedClient) => Promise<unknown>> = {
  'COPY FROM': async (client) => {
    const stream = client.query(from('copy items (mark) from stdin'))
    stream.end('the mark\n')
    await finished(stream)
  },
  'a Query': (client) =>
    new Promise((resolve, reject) => {
      const query = new pg.Query("insert into items (mark) values ('the mark')")
      query.on('end', resolve)
      query.on('error', reject)
      client.query(query as never)
    }),
  'query()': (client) => client.query("insert into items (mark) values ('the mark')"),
}

test.each(Object.keys(writes))('%s', async (name) => {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 4 })
  await ask(world.url('nrt'), 'create table items (mark text)')
  await caughtUp(world)
  const mute = await startMute(world.url('nrt'), Buffer.from('the mark'))
  const pool = await pools.start({
    region: 'nrt',
    primary: { region: 'nrt', url: mute.url },
    replicas: { ord: world.url('ord') },
    probeIntervalMs: 30_000,
  })
  const client = await pool.connect()
  client.on('error', () => undefined)
  await client.query('select 1')
  const write = Promise.resolve(writes[name]?.(client)).then(
    () => 'committed',
    (error: unknown) => `${(error as Error).name} ${(error as { code: string }).code} ${(error as Error).message}`,
  )
  await mute.muted
  await until(async () => (await ask(world.url('ord'), 'select from items')).length === 1, 'ord to have it')
  await administer(world, 'ord', 'select pg_promote()')
  pool.setServers({ primary: { region: 'ord', url: world.url('ord') }, replicas: { nrt: mute.url } })
  await pool.refresh()
  mute.stop()
  const end = await write
  client.release()
  const there = await ask(world.url('ord'), 'select mark from items')
  expect(there).toHaveLength(1)
  expect(end).toMatch(/^committed|OutcomeUnknown/)
})
