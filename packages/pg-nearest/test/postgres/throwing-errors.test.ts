import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RoutedClient } from '../../src/index.ts'
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
const WAYS = {
  'an abort': (client: RoutedClient) => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(new Lazy('enough')), 100)
    return client.query({ text: 'select pg_sleep(2)', signal: stop.signal })
  },
  'a value that cannot be sent': (client: RoutedClient) =>
    client.query('select $1', [
      {
        toPostgres: () => {
          throw new Lazy('no value')
        },
      },
    ]),
  'a type parser': (client: RoutedClient) =>
    client.query({
      text: 'select 1',
      types: {
        getTypeParser: () => () => {
          throw new Lazy('no type')
        },
      },
    }),
}
test.each(Object.keys(WAYS) as (keyof typeof WAYS)[])(
  '%s whose error throws when it is looked at: the statement settles, and the pool ends',
  async (way) => {
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
      WAYS[way](client).then(
        () => 'done',
        () => 'rejected',
      ),
      sleep(4_000, 'never'),
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
