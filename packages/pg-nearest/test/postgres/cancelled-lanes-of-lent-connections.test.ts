import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { NearestPool, RoutedClient } from '../../src/index.ts'
import { ask, until } from './fixtures.ts'
import { inSomeTry } from './in-some-try.ts'
import { within } from './settling.ts'
import { TestPools } from './test-pools.ts'

// With one database a client has a connection of its own from the start.
let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt' })
  await ask(
    world.url('nrt'),
    `create table notes (n int primary key, note int not null default 0);
     insert into notes (n) values (1);
     create view sharing as select current_setting('transaction_read_only') as setting`,
  )
})
afterAll(() => world.stop())

const pools = new TestPools()
afterEach(() => pools.destroyAll())

/** It tells by itself whether it shares a connection: there it is READ ONLY. */
const SHARED = 'select setting from sharing'
const NOTE = 'select note from notes where n = $1'
/** It takes longer than a cancel request. */
const UPDATE = 'update notes set note = 1 from (select pg_sleep(0.05)) s where n = 1'

/** What is read in one try. New each time: on a busy machine a text may have been slow, and shares nothing for a while. */
interface Texts {
  readonly shared: string
  readonly note: string
}

let serial = 0

async function quickTexts(pool: NearestPool): Promise<Texts> {
  const texts = { shared: `${SHARED} where ${++serial} > 0`, note: `${NOTE} and ${serial} > 0` }
  for (let i = 0; i < 2; i++) {
    await pool.query(texts.shared)
    await pool.query(texts.note, [1])
  }
  return texts
}

async function isShared(client: RoutedClient, { shared }: Texts): Promise<boolean> {
  const { rows } = await client.query<{ setting: string }>(shared)
  return rows[0]?.setting === 'on'
}

function soon(): AbortSignal {
  const aborting = new AbortController()
  setImmediate(() => aborting.abort(new Error('enough')))
  return aborting.signal
}

/** Returns whether it was aborted. */
async function abortOwn(_pool: NearestPool, client: RoutedClient, { shared }: Texts): Promise<boolean> {
  const own = client.query({ text: shared, signal: soon() })
  return own.then(
    () => false,
    () => true,
  )
}

/** Returns whether its own read, which has been answered, shared the connection. */
async function abortNeighbour(pool: NearestPool, client: RoutedClient, texts: Texts): Promise<boolean> {
  const own = isShared(client, texts)
  void pool.query({ text: texts.note, values: [1], signal: soon() }).catch(() => undefined)
  return own
}

function submit(client: RoutedClient): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const callback = (error: unknown, result: unknown): void => (error ? reject(error) : resolve(result))
    client.query(new pg.Query('select pg_sleep(0.05)', callback))
  })
}

const everywhere = (pool: NearestPool): NearestPool => pool
const update = (client: RoutedClient): Promise<unknown> => client.query(UPDATE)
const sleep = (client: RoutedClient): Promise<unknown> => client.query('select pg_sleep(0.05)')

test.each<
  [
    string,
    (pool: NearestPool) => Pick<NearestPool, 'connect'>,
    (pool: NearestPool, client: RoutedClient, texts: Texts) => Promise<boolean>,
    (client: RoutedClient) => Promise<unknown>,
  ]
>([
  ['a write behind a read of its own', everywhere, abortOwn, update],
  ["a write behind somebody else's read", everywhere, abortNeighbour, update],
  ['a BEGIN behind a read of its own', everywhere, abortOwn, transact],
  ["a BEGIN behind somebody else's read", everywhere, abortNeighbour, transact],
  ["a read behind somebody else's read", everywhere, abortNeighbour, sleep],
  ['a pg.Query behind a read of its own', everywhere, abortOwn, submit],
  ["a pg.Query behind somebody else's read", everywhere, abortNeighbour, submit],
  ['a pg.Query of replica() behind a read of its own', (pool) => pool.replica(), abortOwn, submit],
])('%s that is aborted on the connection of a client is not cancelled', async (_, handle, abort, next) => {
  const pool = await pools.start({ primary: world.url('nrt'), max: 1 })
  for (let i = 0; i < 3; i++) {
    await inSomeTry(async () => {
      const texts = await quickTexts(pool)
      const client = await handle(pool).connect()
      try {
        // So that it holds one, on a handle, too.
        await client.query(`${SHARED} where ${++serial} > 0`)
        const shares = await isShared(client, texts)
        const isMet = await abort(pool, client, texts)
        await within(5_000, 'what its holder does next', next(client))
        return shares && isMet
      } finally {
        client.release()
      }
    })
  }
  await until(() => pool.idleCount === pool.totalCount, 'all are idle')
  expect(pool.totalCount).toBe(1)
})

async function transact(client: RoutedClient): Promise<void> {
  await Promise.all(['begin', UPDATE, 'commit'].map((text) => client.query(text)))
}
