import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool, RoutedClient } from '../../src/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** The server that a pool takes for the primary has come back as a replica, and the pool has not heard of it yet. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await ask(
    world.url(world.primary),
    `create table notes (text text not null);
     create procedure note_down(text) language sql as 'insert into notes values ($1)';
     create function note_slowly(text) returns void language plpgsql
       as 'begin perform pg_sleep(0.7); insert into notes values ($1); end'`,
  )
  await caughtUp(world)
})
afterAll(() => world?.stop())
afterEach(() => pools.destroyAll())

/** As many pools, which do not know of the promotion that has been since. */
async function unaware(count: number, text = 'insert into notes values ($1)'): Promise<NearestPool[]> {
  await ask(world.url(world.primary), 'truncate notes')
  await caughtUp(world)
  const options = { ...world.poolOptions('ord'), probeIntervalMs: 600_000 }
  const all = await Promise.all(Array.from({ length: count }, () => pools.start(options)))
  await Promise.all(all.map((pool) => pool.query(text, ['before'])))
  await ask(world.url(world.primary), 'truncate notes')
  await caughtUp(world)
  await world.promote(world.primary === 'nrt' ? 'ord' : 'nrt')
  return all
}

const notes = async (): Promise<string[]> =>
  (await ask<{ text: string }>(world.url(world.primary), 'select text from notes order by text')).map(
    ({ text }) => text,
  )

// Whoever is nearer to the process tells first: the one that was promoted, or the one that was demoted.
test.each([1, 2])(
  'what runs there is not cut off when that is found out: it runs on the new primary (%i)',
  async () => {
    const demoted = world.primary
    // The pool has learned that it writes.
    const text = 'select note_slowly($1)'
    const [pool] = (await unaware(1, text)) as [NearestPool]
    let isOver = false
    const write = pool.query(text, ['after']).finally(() => (isOver = true))
    write.catch(() => undefined)
    const runs = `select from pg_stat_activity where query = '${text}' and state = 'active'`
    // On a busy machine its new connection may have told that it leads to a standby before anything is sent there.
    await until(
      async () => isOver || (await ask(world.url(demoted), runs)).length > 0,
      'it to run there, or to be over',
    )
    await pool.refresh()
    expect((await settled(write, 'the write')).servedBy).toMatchObject({ server: world.primary })
    expect(await notes()).toEqual(['after'])
  },
)

describe('a transaction that may write', () => {
  const insert = (text: string): string => `insert into notes values ('${text}')`
  type Program = (pool: NearestPool, note: string) => Promise<unknown>
  const onClient =
    (run: (client: RoutedClient, note: string) => Promise<unknown>): Program =>
    async (pool, note) => {
      const client = await pool.connect()
      try {
        return await run(client, note)
      } finally {
        client.release()
      }
    }
  const PROGRAMS: Record<string, Program> = {
    'with a write alone': (pool, note) => pool.transaction((tx) => tx.query(insert(note))),
    'with a read ahead': (pool, note) =>
      pool.transaction(async (tx) => {
        await tx.query('select 1')
        await tx.query(insert(note))
      }),
    'with both at once': (pool, note) =>
      pool.transaction((tx) => Promise.all([tx.query('select 1'), tx.query(insert(note)), tx.query('select 2')])),
    'with a table that the replica lacks': (pool, note) =>
      pool.transaction(async (tx) => {
        await tx.query(`create table "${note}" (n int)`)
        await tx.query(`insert into notes select '${note}' from (select count(*) from "${note}") as none`)
      }),
    serializable: (pool, note) => pool.transaction({ isolationLevel: 'serializable' }, (tx) => tx.query(insert(note))),
    'of a session, on the primary': (pool, note) =>
      pool.session().transaction(async (tx) => {
        await tx.query('select count(*) from notes')
        await tx.query(insert(note))
      }),
    'whose first statement has a name': (pool, note) =>
      pool.transaction((tx) => tx.query({ name: 'note', text: 'insert into notes values ($1)', values: [note] })),
    'whose first statement has a signal': (pool, note) =>
      pool.transaction((tx) => tx.query({ text: insert(note), signal: new AbortController().signal })),
    'of a client, all at once': onClient((client, note) =>
      Promise.all([client.query('begin'), client.query(insert(note)), client.query('commit')]),
    ),
    'of a client, READ WRITE': onClient(async (client, note) => {
      await client.query('begin read write')
      await client.query(insert(note))
      await client.query('commit')
    }),
    'of a client, whose BEGIN is sent alone': onClient(async (client, note) => {
      await client.query({ text: 'begin', name: 'begins' })
      await client.query(insert(note))
      await client.query('commit')
    }),
  }

  test('begins on the new primary, and happens once', { timeout: 60_000 }, async () => {
    const demoted = world.primary
    const programs = Object.entries(PROGRAMS)
    const names = programs.map(([name]) => name)
    const all = await unaware(names.length)
    const misplaced: string[] = []
    const ends = await Promise.allSettled(
      programs.map(([name, run], i) => {
        const pool = all[i]
        if (pool === undefined) throw new Error('a pool for each')
        // A BEGIN is answered before it is sent.
        pool.on('query', ({ text, servedBy }) => {
          if (servedBy?.server === demoted && !text.startsWith('begin')) misplaced.push(`${name}: ${text}`)
        })
        return settled(run(pool, name), name, 20_000)
      }),
    )
    const failed = ends.flatMap((end, i) => (end.status === 'rejected' ? `${names[i]}: ${String(end.reason)}` : []))
    expect(failed).toEqual([])
    expect(misplaced).toEqual([])
    expect(await notes()).toEqual(names.toSorted())
  })

  test('and that has forbidden itself to write gets the server’s own error, and goes on to its end', async () => {
    const pool = await pools.start(world.poolOptions('ord'))
    const forbid = "select set_config('transaction_read_only', 'on', true)"
    const client = await pool.connect()
    const texts = ['begin', forbid, insert('forbidden'), 'rollback', 'select 1']
    const ends = await settled(Promise.allSettled(texts.map((text) => client.query(text))), 'all of it')
    client.release()
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
    expect(ends[2]).toMatchObject({ reason: { code: '25006', severity: 'ERROR' } })
  })
})

describe('what may commit a part of itself', () => {
  test.each([
    ['DO', "do $$ begin insert into notes values ('after'); end $$"],
    ['CALL', "call note_down('after')"],
    ['several statements', "select 1; insert into notes values ('after')"],
    ['several statements, the write first', "insert into notes values ('after'); select 1"],
  ])('%s, refused by a server that could commit nothing, runs on the new primary, once', async (_, text) => {
    const [pool] = (await unaware(1)) as [NearestPool]
    await settled(pool.query(text), 'the text')
    expect(await notes()).toEqual(['after'])
    const [another] = (await unaware(1)) as [NearestPool]
    const client = await another.connect()
    await settled(client.query(text), 'the text on a borrowed client')
    client.release()
    expect(await notes()).toEqual(['after'])
  })
})
