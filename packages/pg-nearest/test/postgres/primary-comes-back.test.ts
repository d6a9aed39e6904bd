import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { from } from 'pg-copy-streams'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { caughtUp, healthOf, until, withUsers } from './fixtures.ts'

let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 40 })
  await withUsers(world)
})
afterAll(() => world?.stop())
beforeEach(async () => {
  pool = createPool({ ...world.poolOptions('ord'), probeTimeoutMs: 10_000, failoverTimeoutMs: 20_000 })
  pool.on('error', () => undefined)
  await caughtUp(world, pool)
  await pool.query('select 1')
})
afterEach(() => pool.destroy())

/** The primary is back, the pool's last word of it is that it is gone, and the replica shows nothing of what is written now. */
async function comeBack(): Promise<void> {
  await world.kill('nrt')
  await until(() => healthOf(pool.status(), 'nrt') === 'down', 'the pool to see that it is gone')
  await world.start('nrt')
  await world.pauseReplay('ord')
}

const insert = (name: string) => ({ text: 'insert into users (name) values ($1)', values: [name] })

async function copyIn(name: string): Promise<void> {
  const client = await pool.connect()
  try {
    await pipeline(Readable.from([`${name}\n`]), client.query(from('copy users (name) from stdin')))
  } finally {
    client.release()
  }
}

async function borrow(name: string): Promise<void> {
  const client = await pool.connect()
  await client.query(insert(name)).finally(() => client.release())
}

const ways: { way: string; write: (name: string) => Promise<unknown> }[] = [
  { way: 'pool.query', write: (name) => pool.query(insert(name)) },
  { way: 'the handle of the primary', write: (name) => pool.primary.query(insert(name)) },
  { way: 'a borrowed client', write: borrow },
  { way: 'a transaction', write: (name) => pool.transaction((tx) => tx.query(insert(name))) },
  {
    way: 'a transaction that goes on behind its statement',
    write: (name) =>
      pool.transaction(async (tx) => {
        await tx.query(insert(name))
      }),
  },
  { way: 'a batch', write: (name) => pool.batch([insert(name)]) },
  { way: 'COPY', write: copyIn },
]

const reads: { kind: string; read: (name: string) => Promise<unknown> }[] = [
  { kind: 'a read', read: (name) => shown(() => pool.query(lookUp(name))) },
  {
    kind: 'a read in a read-only transaction',
    read: (name) => shown(() => pool.transaction({ readOnly: true }, (tx) => tx.query(lookUp(name)))),
  },
]

const lookUp = (name: string) => ({ text: 'select name from users where name = $1', values: [name] })

async function shown(read: () => Promise<{ rows: unknown[] }>): Promise<boolean> {
  return (await read()).rows.length === 1
}

test.each(ways)(
  '$way writes on a primary that has just come back: the process sees what it wrote',
  async ({ write }) => {
    const name = `Back ${Math.random()}`
    try {
      await comeBack()
      await write(name)
      const seen = await Promise.all(reads.map(({ read }) => read(name)))
      expect(seen).toEqual(reads.map(() => true))
      // As long as it takes to ask it.
      await until(() => healthOf(pool.status(), 'nrt') === 'up', 'its answer')
      expect(await shown(() => pool.query(lookUp(name)))).toBe(true)
    } finally {
      await world.resumeReplay('ord')
    }
  },
)

test('what was read from it is not taken back', async () => {
  const name = `Read ${Math.random()}`
  try {
    await comeBack()
    await pool.query(insert(name))
    expect(await shown(() => pool.query({ ...lookUp(name), consistency: 'strong' }))).toBe(true)
    expect(await shown(() => pool.query(lookUp(name)))).toBe(true)
  } finally {
    await world.resumeReplay('ord')
  }
})
