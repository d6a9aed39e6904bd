import type pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { ask } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 2 })
  await ask(world.url('nrt'), 'create table notes (id serial primary key, text text)')
})
afterAll(() => world.stop())

const pools = new TestPools()
afterEach(() => pools.destroyAll())

const BOOM = new Error('boom')
/** More often than any of these is looked at. */
const MANY = 500

/** Throws when it is looked at for the nth time, whatever is looked at. */
function throwingAt(config: pg.QueryConfig, n: number): { readonly config: pg.QueryConfig; threw(): boolean } {
  let looks = 0
  const look = (): void => {
    if (++looks === n) throw BOOM
  }
  const throwing = new Proxy(config, {
    get(target, key) {
      look()
      return Reflect.get(target, key) as unknown
    },
    has(target, key) {
      look()
      return Reflect.has(target, key)
    },
    ownKeys(target) {
      look()
      return Reflect.ownKeys(target)
    },
    getOwnPropertyDescriptor(target, key) {
      look()
      return Reflect.getOwnPropertyDescriptor(target, key)
    },
  })
  return { config: throwing, threw: () => looks >= n }
}

type Run = (pool: NearestPool, config: pg.QueryConfig) => Promise<unknown>

const ways: [string, Run][] = [
  ['pool.query', (pool, config) => pool.query(config)],
  ['pool.replica().query', (pool, config) => pool.replica().query(config)],
  ['pool.primary.query', (pool, config) => pool.primary.query(config)],
  [
    'client.query',
    async (pool, config) => {
      const client = await pool.connect()
      try {
        return await client.query(config)
      } finally {
        client.release()
      }
    },
  ],
  ['a transaction', (pool, config) => pool.transaction((tx) => tx.query(config))],
  ['a read-only transaction', (pool, config) => pool.transaction({ readOnly: true }, (tx) => tx.query(config))],
]

const statements: [string, pg.QueryConfig & { query_timeout?: number }][] = [
  ['a read', { text: 'select text from notes where id = $1', values: [1] }],
  ['a read with a time-out', { text: 'select text from notes where id = $1', values: [1], query_timeout: 5_000 }],
  ['a write', { text: 'insert into notes (text) values ($1)', values: ['a'] }],
  ['a named write', { name: 'w', text: 'insert into notes (text) values ($1)', values: ['a'] }],
]

for (const [servers, options] of [
  ['several servers', () => world.poolOptions('ord')],
  ['one database', () => ({ primary: world.url('nrt') })],
  ['several servers, without lanes', () => ({ ...world.poolOptions('ord'), lanes: false })],
] as const) {
  for (const [way, run] of ways) {
    test.each(statements)(
      `with ${servers}, ${way} of %s keeps no connection when its config throws`,
      async (_, config) => {
        const pool = await pools.start({ ...options(), max: 1, connectionTimeoutMillis: 3_000 })
        for (let i = 0; i < 3; i++) await run(pool, config).catch(() => undefined)
        let n = 0
        for (let threw = true; threw;) {
          if (++n > MANY) throw new Error('It is looked at for ever.')
          const throwing = throwingAt(config, n)
          const outcome = await (async () => run(pool, throwing.config))().then(
            () => 'ran',
            (error: unknown) => error,
          )
          threw = throwing.threw()
          if (threw && outcome !== 'ran') expect(outcome).toBe(BOOM)
          await Promise.all([pool.query('select 1'), pool.primary.query('select 1')])
        }
        expect(n).toBeGreaterThan(2)
      },
    )
  }
}
