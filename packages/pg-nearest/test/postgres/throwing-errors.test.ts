import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { NearestPool, RoutedClient } from '../../src/index.ts'
import { TestPools } from './test-pools.ts'

/** What an app's own signals, values and parsers throw may throw again when it is looked at. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', rtt: 2 })
})
afterAll(async () => {
  await pools.destroyAll()
  await world?.stop()
})
class Lazy extends Error {
  override get cause(): unknown {
    throw new Error('not to be had any more')
  }
}
const without = (trap: keyof ProxyHandler<Error>): unknown =>
  new Proxy(new Error('x'), {
    [trap]: () => {
      throw new Error(`no ${trap}`)
    },
  })
function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable(new Error('x'), {})
  revoke()
  return proxy
}
const REASONS = { revoked, 'without has': () => without('has'), 'without get': () => without('get') }
type Asking = (client: RoutedClient, pool: NearestPool) => Promise<unknown>

/** Aborts what is asked with a reason at which nobody can look. */
function abortings([name, reason]: [string, () => unknown]): [string, Asking][] {
  const aborting = (ask: (pool: NearestPool, signal: AbortSignal) => Promise<unknown>): Asking => {
    return (_client, pool) => {
      const stop = new AbortController()
      setTimeout(() => stop.abort(reason()), 100)
      return ask(pool, stop.signal)
    }
  }
  const throwing = (): never => {
    throw reason()
  }
  const asked: Record<string, Asking> = {
    'a read': aborting((pool, signal) => pool.query({ text: 'select pg_sleep(2)', signal })),
    'a write': aborting((pool, signal) => pool.query({ text: 'do $$ begin perform pg_sleep(2); end $$', signal })),
    'a transaction': aborting((pool, signal) =>
      pool.transaction({ signal, retries: 1 }, async (tx) => {
        await tx.query('create temporary table aborted ()')
        await sleep(400)
      }),
    ),
    'a transaction with a statement': aborting((pool, signal) =>
      pool.transaction({ signal }, (tx) => tx.query('select pg_sleep(2)')),
    ),
    'what a transaction throws': (_client, pool) => pool.transaction({ retries: 1 }, throwing),
  }
  asked['what a value throws'] = (client) => client.query('select $1', [{ toPostgres: throwing }])
  asked['what a type parser throws'] = (client) =>
    client.query({ text: 'select 1', types: { getTypeParser: () => throwing } })
  asked['what a type parser throws in a transaction'] = (_client, pool) =>
    pool.transaction({ retries: 1 }, (tx) => tx.query({ text: 'select 1', types: { getTypeParser: () => throwing } }))
  return Object.entries(asked).map(([what, ask]) => [`${name}: ${what}`, ask])
}
const WAYS: Record<string, Asking> = {
  ...Object.fromEntries(Object.entries(REASONS).flatMap(abortings)),
  'an abort': (client) => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(new Lazy('enough')), 100)
    return client.query({ text: 'select pg_sleep(2)', signal: stop.signal })
  },
  'a value that cannot be sent': (client) =>
    client.query('select $1', [
      {
        toPostgres: () => {
          throw new Lazy('no value')
        },
      },
    ]),
  'a type parser': (client) =>
    client.query({
      text: 'select 1',
      types: {
        getTypeParser: () => () => {
          throw new Lazy('no type')
        },
      },
    }),
}
test.each(Object.entries(WAYS))(
  '%s whose error throws when it is looked at: the statement settles, and the pool ends',
  async (_way, ask) => {
    const uncaught: string[] = []
    const hear = (error: unknown): void => void uncaught.push((error as Error).message)
    const kinds = ['unhandledRejection', 'uncaughtException'] as const
    const before = kinds.map((kind) => process.listeners(kind as 'exit'))
    for (const kind of kinds) {
      process.removeAllListeners(kind)
      process.on(kind as 'exit', hear as never)
    }
    const pool = pools.create({ primary: world.url('nrt') })
    const client = await pool.connect()
    const told = await Promise.race([
      ask(client, pool).then(
        () => 'done',
        () => 'rejected',
      ),
      sleep(1_500, 'never'),
    ])
    client.release()
    const ended = await Promise.race([pool.end().then(() => 'ended'), sleep(3_000, 'hangs')])
    for (const [i, kind] of kinds.entries()) {
      process.removeAllListeners(kind)
      for (const each of before[i] ?? []) process.on(kind as 'exit', each as never)
    }
    expect({ told, ended, uncaught }).toEqual({ told: 'rejected', ended: 'ended', uncaught: [] })
  },
)
