import { finished } from 'node:stream/promises'
import { from, to, type CopyStreamQuery, type CopyToStreamQuery } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import { startWorld } from 'pg-nearest-world'
import { expect, test } from 'vitest'
import type { RoutedClient } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { TestPools } from './test-pools.ts'

/** A read-only handle whose standby is promoted before anybody has noticed: what is given next is the first thing that could write there. */

type Reader = Pick<RoutedClient, 'query'>

async function copyIn(client: Reader, text: string): Promise<void> {
  const stream: CopyStreamQuery = client.query(from(text))
  stream.end('1\n')
  await finished(stream)
}
async function copyOut(client: Reader, text: string): Promise<void> {
  const stream: CopyToStreamQuery = client.query(to(text))
  stream.resume()
  await finished(stream)
}
async function cursor(client: Reader, text: string): Promise<void> {
  const reading = client.query(new Cursor(text))
  await reading.read(1)
  await reading.close()
}
function promiseWithResolver(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((settle) => (resolve = settle))
  return { promise, resolve }
}
const query = (client: Reader, text: string): Promise<unknown> => client.query(text)

const SETS = "select set_config('app.m', '1', false)"
const WRITES: readonly (readonly [string, (client: Reader, text: string) => Promise<unknown>, string])[] = [
  ['COPY FROM', copyIn, 'copy items from stdin'],
  ['COPY of an INSERT', copyOut, 'copy (insert into items values (2) returning n) to stdout'],
  ['COPY of a function', copyOut, 'copy (select put(3)) to stdout'],
  ['COPY and COMMIT', copyOut, 'copy (select 4) to stdout; commit; insert into items values (4)'],
  ['a cursor of an INSERT', cursor, 'insert into items values (5) returning n'],
  ['a cursor of a function', cursor, 'select put(6)'],
  [
    'a cursor of an INSERT that sets something',
    cursor,
    `with w as (insert into items values (13) returning n) ${SETS} from w`,
  ],
  ['a cursor of a function that sets something', cursor, `${SETS}, put(14)`],
  ['a cursor of an INSERT that asks for a value', cursor, "insert into items values (currval('items_n'))"],
  ['COPY of a function that sets something', copyOut, `copy (${SETS}, put(15)) to stdout`],
  ['a cursor of a view over a function', cursor, 'select * from putting'],
  ['COPY of a view over a function', copyOut, 'copy (select * from putting) to stdout'],
  ['an INSERT', query, 'insert into items values (7)'],
  ['a function', query, 'select put(8)'],
  ['a view over a function', query, 'select * from putting'],
  ['several statements', query, 'select 10; commit; insert into items values (10)'],
  ['SET TRANSACTION', query, 'set transaction read write; insert into items values (11)'],
  ['set_config', query, "select set_config('transaction_read_only', 'off', false); insert into items values (12)"],
]

test('nothing writes through a handle or in a transaction that only reads, on a server that was promoted just now', async () => {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(
    world.url('nrt'),
    `create table items (n int);
     create sequence items_n;
     create function put(n int) returns int language sql volatile as 'insert into items values (n) returning n';
     create view putting as select put(9)`,
  )
  await caughtUp(world)
  const pools = new TestPools()
  // Nobody asks it while it is promoted.
  const pool = pools.create({ ...world.poolOptions('ord'), probeIntervalMs: 30_000, max: 60 })
  pool.on('error', () => undefined)
  await pool.refresh()
  const replica = pool.replica()
  const { promise: promotion, resolve: promoted } = promiseWithResolver()
  const ready: Promise<unknown>[] = []
  const wrote: string[] = []
  const attempts = WRITES.flatMap(([name, write, text]) => {
    const outside = async (begun: () => void): Promise<void> => {
      const client = await replica.connect()
      client.on('error', () => undefined)
      await client.query("select set_config('app.n', '1', false)")
      begun()
      await promotion
      await write(client, text).then(
        () => wrote.push(name),
        () => undefined,
      )
      client.release()
    }
    const inside = async (begun: () => void): Promise<void> => {
      const ended = pool.transaction({ readOnly: true }, async (tx) => {
        await tx.query('select 1')
        begun()
        await promotion
        await write(tx, text)
      })
      await ended.then(
        () => wrote.push(`${name}, in a transaction`),
        () => undefined,
      )
    }
    return [outside, inside].map((attempt) => {
      const { promise, resolve } = promiseWithResolver()
      ready.push(promise)
      return attempt(resolve)
    })
  })
  await Promise.all(ready)
  await world.promote('ord')
  promoted()
  await Promise.all(attempts)
  await pools.destroyAll()
  expect(wrote).toEqual([])
  expect(await ask(world.url('ord'), 'select n from items')).toEqual([])
})
