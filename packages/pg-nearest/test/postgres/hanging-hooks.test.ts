import { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import type pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { until } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** What the user gives for new connections never comes to an end: every call does all the same, and so does the pool. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 2 })
})
afterAll(() => world?.stop())
afterEach(() => pools.destroyAll())

const never = (): Promise<never> => new Promise(() => undefined)

/** Takes everything, says nothing, and does not even tell that it is closed. */
class MuteStream extends Duplex {
  override _read(): void {
    // Nothing comes.
  }
  override _write(): void {
    // Never done.
  }
  override _destroy(): void {
    // Never done.
  }
  connect(): this {
    return this
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
}

const HANGING: readonly [what: string, options: object][] = [
  ['onConnect', { onConnect: never }],
  ['verify', { verify: () => undefined }],
  ['verify that asks', { verify: (client: pg.Client, done: () => void) => client.query('select pg_sleep(600)', done) }],
  ['onConnect that asks', { onConnect: (client: pg.Client) => client.query('select pg_sleep(600)') }],
  ['a password function', { password: never }],
  ['a stream', { stream: () => new MuteStream() }],
]

const oneDatabase = (): NearestPoolOptions => ({ primary: { url: world.url('nrt') } })

describe.each(HANGING)('%s that never ends', (_, options) => {
  const start = (list: NearestPoolOptions, more: Partial<NearestPoolOptions>): NearestPool => {
    const { password, ...others } = options as { readonly password?: () => Promise<string> }
    const primary = password === undefined ? list.primary : { ...(list.primary as object), password }
    const pool = pools.create({ ...list, primary, ...others, ...more })
    pool.on('error', () => undefined)
    return pool
  }
  const write = (pool: NearestPool): Promise<unknown> =>
    rejectionOf(pool.query('create table no (n int)'), 'the write', 4_000)

  test.each([
    ['one database', oneDatabase],
    ['two servers', () => world.poolOptions('ord')],
  ])('with %s: calls fail, and end() waits no longer than they do', async (__, list) => {
    const pool = start(list(), { connectTimeoutMs: 200, failoverTimeoutMs: 200, max: 1 })
    const writes = Promise.all(Array.from({ length: 20 }, () => write(pool)))
    await settled(pool.end(), 'end()')
    for (const error of await writes) expect(error).toHaveProperty('code')
  })

  test('what nobody waits for any more does not keep the pool from ending', async () => {
    const pool = start(oneDatabase(), { connectTimeoutMs: 60_000, connectionTimeoutMillis: 100 })
    await write(pool)
    await settled(pool.end(), 'end()')
    expect(pool.totalCount).toBe(0)
  })

  test('destroy() ends what waits', async () => {
    const pool = start(oneDatabase(), { connectTimeoutMs: 60_000 })
    const written = write(pool)
    await until(() => pool.totalCount > 0, 'a connection that is being made')
    await settled(pool.destroy(), 'destroy()')
    expect(await written).toHaveProperty('code')
  })
})

test('a hook that is late says so, and those who come later get a connection', async () => {
  let hangs = true
  const onConnect = (): Promise<void> => (hangs ? never() : Promise.resolve())
  const pool = pools.create({ primary: world.url('nrt'), connectTimeoutMs: 300, onConnect })
  expect(await rejectionOf(pool.query('select 1'), 'the read')).toMatchObject({
    code: 'NEAREST_TIMEOUT',
    message: /^onConnect did not end within connectTimeoutMs \(300 ms\)/,
  })
  hangs = false
  await settled(pool.query('select 1'), 'the next read')
  await settled(pool.end(), 'end()')
})

test('time in which this process is too busy to hear a new connection is not the server’s, nor the hooks’', async () => {
  const { password } = new URL(world.url('nrt'))
  const busy = (): void => {
    const end = performance.now() + 1_500
    while (performance.now() < end);
  }
  const pool = pools.create({
    primary: {
      url: world.url('nrt'),
      password: async () => {
        setImmediate(busy)
        return new Promise<string>((resolve) => setTimeout(resolve, 20, password))
      },
    },
    connectTimeoutMs: 1_000,
    onConnect: async (client) => {
      const asked = client.query('select 1')
      busy()
      await asked
    },
  })
  const reading = pool.query<{ n: number }>('select 1 as n')
  // As an app does that loads the rest of itself.
  busy()
  expect((await settled(reading, 'the read', 15_000)).rows).toEqual([{ n: 1 }])
  await pool.end()
})

/** Leads to a server through something that does not count its bytes, such as a channel of SSH's. */
class Channel extends Duplex {
  readonly #socket = new Socket()

  connect(port: number, host: string): this {
    this.#socket.on('data', (bytes) => this.push(bytes))
    this.#socket.on('close', () => this.destroy())
    this.#socket.on('error', (error) => this.destroy(error))
    this.#socket.connect(port, host, () => this.emit('connect'))
    return this
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  override _read(): void {
    // It comes by itself.
  }
  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(bytes, done)
  }
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}

test('a stream that does not count its bytes is never taken for silent', async () => {
  const options = { stream: () => new Channel() as unknown as Socket, probeTimeoutMs: 200, silenceTimeoutMs: 500 }
  const pool = pools.create({ ...world.poolOptions('ord'), ...options })
  const { rows } = await pool.query("select 'late' as said from pg_sleep(1.5)")
  expect(rows).toEqual([{ said: 'late' }])
})
