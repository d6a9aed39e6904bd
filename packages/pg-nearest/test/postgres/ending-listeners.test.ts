import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { until } from './fixtures.ts'
import { collectUncaught, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** A listener may end what the pool is in the middle of. */
let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt' })
})
afterAll(() => world.stop())

const pools = new TestPools()
let uncaught: ReturnType<typeof collectUncaught>
beforeEach(() => (uncaught = collectUncaught()))
afterEach(async () => {
  await pools.destroyAll()
  await sleep(20)
  uncaught.stop()
  if (uncaught.errors.length > 0) throw new AggregateError(uncaught.errors, 'They would have ended the process')
})

const ignore = (): void => undefined
const socketOf = (client: pg.PoolClient): Socket =>
  (client as unknown as { connection: { stream: Socket } }).connection.stream

const endings: [string, (pool: NearestPool, client: pg.PoolClient) => unknown][] = [
  ['ends the pool', (pool) => pool.end().catch(ignore)],
  ['destroys the pool', (pool) => pool.destroy()],
  ['ends and destroys the pool', (pool) => [pool.end().catch(ignore), pool.destroy()]],
  ['gives other servers', (pool) => pool.setServers({ primary: `${world.url('nrt')}?application_name=other` })],
  ['closes the socket', (_, client) => socketOf(client).destroy()],
]
const settings: [string, Partial<NearestPoolOptions>][] = [
  ['', {}],
  [' that verifies', { verify: (_, done) => setImmediate(done) }],
]

describe.each(settings)('of a pool%s', (_, options) => {
  describe.each(endings)('what %s', (_name, end) => {
    test.each(['connect', 'acquire', 'release', 'remove'] as const)('in a listener of %s', async (event) => {
      const pool = pools.create({ primary: world.url('nrt'), max: 1, maxUses: 2, ...options })
      let ended = 0
      pool.on(event as 'connect', (...args: unknown[]) => {
        if (ended++ === 0) end(pool, args.at(-1) as pg.PoolClient)
      })
      for (let i = 0; i < 3; i++) {
        const statements = [
          pool.query('select 1'),
          pool.query('select 2'),
          pool.connect().then((each) => each.release()),
        ]
        await settled(Promise.allSettled(statements), 'statements')
      }
      expect(ended).toBeGreaterThan(0)
      await settled(pool.end().catch(ignore), 'the end of the pool')
      await until(() => pool.totalCount === 0, 'all are closed', 3_000)
    })
  })

  test.each(['connect', 'acquire', 'release', 'remove'] as const)('destroyed at %s while it ends', async (event) => {
    const pool = pools.create({ primary: world.url('nrt'), ...options })
    const statements = [pool.query('select 1'), pool.query('select 2')]
    pool.on(event as 'connect', () => void pool.destroy())
    const ending = pool.end()
    await settled(Promise.allSettled([...statements, ending]), 'the statements, and the end')
    await until(() => pool.totalCount === 0, 'all are closed', 3_000)
  })
})

test('connections that a listener of connect closes, each of them, are not made without end', async () => {
  const pool = pools.create({ primary: world.url('nrt'), max: 1 })
  let made = 0
  pool.on('connect', (client) => {
    made++
    socketOf(client).destroy()
  })
  await settled(Promise.allSettled([pool.query('select 1')]), 'a statement', 10_000)
  expect(made).toBeLessThan(50)
})
