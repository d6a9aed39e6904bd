import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from, to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, isNearestError, type NearestPool, type RoutedClient } from '../../src/index.ts'
import { ask, withUsers } from './fixtures.ts'
import { inSomeTry } from './in-some-try.ts'
import { collectUncaught, errorOf, within } from './settling.ts'

const BOUND_MS = 4_000
const ROWS = 1_000
const MANY = `select n::int from generate_series(1, ${ROWS}) as n`
const FAILS_AT_FIVE = 'select 1 / (5 - n)::int as n from generate_series(1, 10) as n'

let world: World
let pool: NearestPool
let client: RoutedClient
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10 })
  await withUsers(world)
})
afterAll(() => world.stop())
beforeEach(async () => {
  // With one connection to each server, whoever comes next has the same one.
  pool = createPool({ ...world.poolOptions('ord'), max: 1 })
  pool.on('error', () => undefined)
  client = await pool.connect()
})
afterEach(() => within(BOUND_MS, 'destroy()', pool.destroy()))

type Row = Record<string, unknown>

async function collect(stream: AsyncIterable<Row>): Promise<Row[]> {
  const rows: Row[] = []
  for await (const row of stream) rows.push(row)
  return rows
}

async function readAndClose(cursor: Cursor): Promise<void> {
  try {
    await cursor.read(1)
  } finally {
    void cursor.close()
  }
}

/** What a statement answers, within the bound. */
async function rowsOf(what: string, result: PromiseLike<{ readonly rows: Row[] }>): Promise<Row[]> {
  return (await within(BOUND_MS, what, result)).rows
}

async function releaseClean(): Promise<void> {
  client.release()
  await leavesNothingBehind()
}

/** The next borrower gets the rows of its own statement, outside of a transaction, and the pool can be ended. */
async function leavesNothingBehind(): Promise<void> {
  const text = "select 'next' as who, now() = statement_timestamp() as alone"
  expect(await rowsOf('the next read', pool.primary.query(text))).toEqual([{ who: 'next', alone: true }])
  const written = pool.query("insert into users (name) values (gen_random_uuid()::text) returning 'mine' as whose")
  expect(await rowsOf('the next write', written)).toEqual([{ whose: 'mine' }])
  await within(BOUND_MS, 'end()', pool.end())
}

describe('a cursor that fails, and ROLLBACK behind it, not awaited: both end', () => {
  test.each([
    { when: 'as it is parsed', text: 'select no_such_column from users', code: '42703' },
    { when: 'at its first row', text: 'select 1 / 0 as n', code: '22012' },
    { when: 'in the middle', text: FAILS_AT_FIVE, code: '22012' },
  ])('$when', async ({ text, code }) => {
    await client.query('begin')
    await client.query("insert into users (name) values ('Rolled back')")
    const read = errorOf(BOUND_MS, 'the read', client.query(new Cursor<Row>(text)).read(100))
    const rollback = client.query('rollback')
    expect(await read).toMatchObject({ code })
    expect((await within(BOUND_MS, 'ROLLBACK', rollback)).command).toBe('ROLLBACK')
    await releaseClean()
    expect(await ask(world.url('nrt'), "select 1 from users where name = 'Rolled back'")).toEqual([])
  })

  test('as a stream', async () => {
    await client.query('begin')
    const streamed = errorOf(BOUND_MS, 'the stream', collect(client.query(new QueryStream(FAILS_AT_FIVE))))
    const rollback = client.query('rollback')
    expect(await streamed).toMatchObject({ code: '22012' })
    expect((await within(BOUND_MS, 'ROLLBACK', rollback)).command).toBe('ROLLBACK')
    await releaseClean()
  })

  test.each([{ closed: false }, { closed: true }])('without having been read (closed: $closed)', async ({ closed }) => {
    await client.query('begin')
    const cursor = client.query(new Cursor<Row>('select no_such_column from users'))
    if (closed) await within(BOUND_MS, 'close()', cursor.close())
    expect((await within(BOUND_MS, 'ROLLBACK', client.query('rollback'))).command).toBe('ROLLBACK')
    await releaseClean()
  })
})

describe('a cursor that fails', () => {
  test('outside of a transaction, and a write behind it, not awaited: both end', async () => {
    const read = errorOf(BOUND_MS, 'the read', client.query(new Cursor<Row>('select no_such_column')).read(1))
    const write = client.query('update users set age = age returning 42 as answer')
    expect(await read).toMatchObject({ code: '42703' })
    expect(await rowsOf('the write', write)).toContainEqual({ answer: 42 })
    await releaseClean()
  })

  test('in a transaction, and an awaited ROLLBACK: both end', async () => {
    await client.query('begin')
    const cursor = client.query(new Cursor<Row>(FAILS_AT_FIVE))
    expect(await errorOf(BOUND_MS, 'the read', cursor.read(100))).toMatchObject({ code: '22012' })
    await within(BOUND_MS, 'ROLLBACK', client.query('rollback'))
    expect(await rowsOf('the next statement', client.query('select 1 as one'))).toEqual([{ one: 1 }])
    await releaseClean()
  })

  test('and is released without ROLLBACK: the next borrower works', async () => {
    await client.query('begin')
    const cursor = client.query(new Cursor<Row>(FAILS_AT_FIVE))
    expect(await errorOf(BOUND_MS, 'the read', cursor.read(100))).toMatchObject({ code: '22012' })
    await releaseClean()
  })

  test('on a read-only handle: the next borrower of it works', async () => {
    const reader = await pool.replica().connect()
    const read = errorOf(BOUND_MS, 'the read', reader.query(new Cursor<Row>('select 1 / 0 as n')).read(100))
    const behind = reader.query('select 42 as answer')
    expect(await read).toMatchObject({ code: '22012' })
    expect(await rowsOf('the statement behind it', behind)).toEqual([{ answer: 42 }])
    reader.release()
    expect(await rowsOf('the next read', pool.replica().query("select 'next' as who"))).toEqual([{ who: 'next' }])
    await releaseClean()
  })
})

describe('an open stream and, not awaited, another statement behind it: each gets its own rows', () => {
  test.each([{ batchSize: 50 }, { batchSize: 500 }, { batchSize: 5_000 }])(
    'batches of $batchSize',
    async ({ batchSize }) => {
      const rows = collect(client.query(new QueryStream(MANY, [], { batchSize })))
      const behind = client.query('select 42 as answer')
      const [streamed, answer] = await within(BOUND_MS, 'both', Promise.all([rows, behind]))
      expect(answer.rows).toEqual([{ answer: 42 }])
      expect(streamed).toHaveLength(ROWS)
      expect(streamed.at(-1)).toEqual({ n: ROWS })
      await releaseClean()
    },
  )

  test('in a transaction, with a write and COMMIT behind it', async () => {
    await client.query('begin')
    const rows = collect(client.query(new QueryStream(MANY)))
    const behind = [
      client.query("insert into users (name) values ('Behind a stream') returning name"),
      client.query('commit'),
      client.query('select 42 as answer'),
    ]
    const [streamed, ...answers] = await within(BOUND_MS, 'all', Promise.all([rows, ...behind]))
    expect(answers.map((each) => each.rows)).toEqual([[{ name: 'Behind a stream' }], [], [{ answer: 42 }]])
    expect(streamed).toHaveLength(ROWS)
    await releaseClean()
  })

  test('a cursor that is read in steps', async () => {
    const cursor = client.query(new Cursor<{ n: number }>(MANY))
    const first = await within(BOUND_MS, 'the first rows', cursor.read(10))
    const behind = client.query('select 42 as answer')
    const second = await within(BOUND_MS, 'the next rows', cursor.read(10))
    await within(BOUND_MS, 'close()', cursor.close())
    expect([...first, ...second].map(({ n }) => n)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect(await rowsOf('the statement behind it', behind)).toEqual([{ answer: 42 }])
    await releaseClean()
  })

  test('two streams', async () => {
    const both = [MANY, `select -n::int as n from generate_series(1, ${ROWS}) as n`].map((text) =>
      collect(client.query(new QueryStream(text))),
    )
    const [up, down] = await within(BOUND_MS, 'both', Promise.all(both))
    expect([up?.length, up?.at(-1), down?.length, down?.at(-1)]).toEqual([ROWS, { n: ROWS }, ROWS, { n: -ROWS }])
    await releaseClean()
  })
})

describe('a stream that is not read to its end', () => {
  test('destroyed early: the next statement runs, and gets its own rows', async () => {
    const stream = client.query(new QueryStream(MANY, [], { batchSize: 10 }))
    for await (const row of stream) {
      if ((row as { n: number }).n === 25) break
    }
    expect(await rowsOf('the next statement', client.query('select 42 as answer'))).toEqual([{ answer: 42 }])
    await releaseClean()
  })

  test('destroyed before its first row, in a transaction: ROLLBACK ends it', async () => {
    await client.query('begin')
    const stream = client.query(new QueryStream(MANY))
    stream.on('error', () => undefined)
    stream.destroy()
    await within(BOUND_MS, 'ROLLBACK', client.query('rollback'))
    await releaseClean()
  })

  test.each(['at once', 'before its turn'])('destroyed %s: the next statement runs', async (when) => {
    if (when !== 'at once') void client.query('select pg_sleep(0.02)')
    const stream = client.query(new QueryStream(MANY))
    stream.on('error', () => undefined)
    stream.destroy()
    expect(await rowsOf('the next statement', client.query('select 42 as answer'))).toEqual([{ answer: 42 }])
    await releaseClean()
  })

  test.each(['at once', 'before its turn'])('a cursor that is closed %s: the next statement runs', async (when) => {
    if (when !== 'at once') void client.query('select pg_sleep(0.02)')
    const cursor = client.query(new Cursor<{ n: number }>(MANY))
    await within(BOUND_MS, 'close()', cursor.close())
    expect(await rowsOf('the next statement', client.query('select 42 as answer'))).toEqual([{ answer: 42 }])
    await releaseClean()
  })

  test.each([MANY, FAILS_AT_FIVE])('a cursor that is read and closed in one breath ends: %s', async (text) => {
    const cursor = client.query(new Cursor<{ n: number }>(text))
    const read = within(BOUND_MS, 'the rows', cursor.read(3))
    void cursor.close()
    const behind = client.query('select 42 as answer')
    expect(await read).toHaveLength(3)
    expect(await rowsOf('the next statement', behind)).toEqual([{ answer: 42 }])
    await releaseClean()
  })

  test('released with the cursor open: the next borrower works', async () => {
    const cursor = client.query(new Cursor<{ n: number }>(MANY))
    expect(await within(BOUND_MS, 'the first rows', cursor.read(10))).toHaveLength(10)
    await releaseClean()
  })

  test('released with the cursor open in a transaction: the next borrower works outside of it', async () => {
    await client.query('begin')
    await client.query("insert into users (name) values ('Left behind')")
    const cursor = client.query(new Cursor<{ n: number }>(MANY))
    expect(await within(BOUND_MS, 'the first rows', cursor.read(10))).toHaveLength(10)
    await releaseClean()
    expect(await ask(world.url('nrt'), "select 1 from users where name = 'Left behind'")).toEqual([])
  })

  test('released before its cursor was read at all: the next borrower works', async () => {
    client.query(new Cursor<{ n: number }>(MANY))
    await releaseClean()
  })
})

describe('COPY that fails midway', () => {
  const BAD = ['Copied\t1\n', 'Copied too\tno number\n', ...Array.from({ length: 1_000 }, () => 'More\t1\n')]

  test.each([{ inside: false }, { inside: true }])(
    'for a bad row (in a transaction: $inside): the next statement runs',
    async ({ inside }) => {
      if (inside) await client.query('begin')
      const copied = pipeline(Readable.from(BAD), client.query(from('copy users (name, age) from stdin')))
      expect(await errorOf(BOUND_MS, 'COPY', copied)).toMatchObject({ code: '22P02' })
      if (inside) await within(BOUND_MS, 'ROLLBACK', client.query('rollback'))
      expect(await rowsOf('the next statement', client.query('select 42 as answer'))).toEqual([{ answer: 42 }])
      await releaseClean()
      expect(await ask(world.url('nrt'), "select 1 from users where name like 'Copied%'")).toEqual([])
    },
  )

  test('because its source does: nothing is written, and the next borrower works', async () => {
    const mistake = new Error('the source broke')
    const source = Readable.from(
      (function* () {
        yield 'Copied half\t1\n'
        throw mistake
      })(),
    )
    const copied = pipeline(source, client.query(from('copy users (name, age) from stdin')))
    expect(await errorOf(BOUND_MS, 'COPY', copied)).toBe(mistake)
    await releaseClean()
    expect(await ask(world.url('nrt'), "select 1 from users where name = 'Copied half'")).toEqual([])
  })

  test.each<[string, () => Promise<unknown>]>([
    ['stream', () => collect(client.query(new QueryStream('select * from nowhere for update')))],
    ['cursor', () => readAndClose(client.query(new Cursor('select * from nowhere for update')))],
  ])('COPY TO behind a %s that failed has all rows, for the next borrower too', async (_, fail) => {
    await client.query('select 1')
    expect(await errorOf(BOUND_MS, 'it', fail())).toMatchObject({ code: '42P01' })
    client.release()
    const next = await pool.connect()
    const chunks = await within(BOUND_MS, 'COPY', collect(next.query(to(`copy (${MANY}) to stdout`))))
    const lines = Buffer.concat(chunks as unknown as Buffer[])
      .toString()
      .trim()
    expect(lines.split('\n')).toHaveLength(ROWS)
    next.release()
  })

  describe('COPY TO that is destroyed', () => {
    // Hours of it: the server has to be told.
    const ENDLESS = "copy (select repeat('x', 1000), generate_series(1, 1000000000)) to stdout"
    const LONG = "copy (select repeat('x', 1000) from generate_series(1, 5000)) to stdout"

    async function destroyOn(on: RoutedClient, text: string): Promise<void> {
      const stream = on.query(to(text))
      for await (const chunk of stream) if ((chunk as Buffer).length > 0) break
      expect(stream.destroyed).toBe(true)
    }

    test('outside of a transaction: the next statement runs, on the same connection', async () => {
      const pidOf = async (on: RoutedClient): Promise<unknown> =>
        (await rowsOf('it', on.query('select pg_backend_pid() as pid for update')))[0]?.pid
      // One on which the server does not end within a second what was cancelled is closed, and its client lost.
      await inSomeTry(async () => {
        const each = await pool.connect()
        const before = await pidOf(each)
        const after = await destroyOn(each, ENDLESS).then(() => pidOf(each).catch(isNearestError))
        each.release()
        return after === before
      })
      await releaseClean()
    })

    test('in a transaction: that goes on', async () => {
      await client.query('begin')
      await destroyOn(client, LONG)
      expect(await rowsOf('the next statement', client.query('select 42 as answer'))).toEqual([{ answer: 42 }])
      expect((await within(BOUND_MS, 'COMMIT', client.query('commit'))).command).toBe('COMMIT')
      await releaseClean()
    })

    test('at once, by its consumer, on a read-only handle and on the pool', async () => {
      const uncaught = collectUncaught()
      const stream = client.query(to(ENDLESS))
      stream.destroy()
      expect(await rowsOf('behind one destroyed at once', client.query('select 42 as n'))).toEqual([{ n: 42 }])
      const mistake = new Error('the sink broke')
      const broken = new Writable({ write: (_chunk, _encoding, callback) => callback(mistake) })
      expect(await errorOf(BOUND_MS, 'it', pipeline(client.query(to(ENDLESS)), broken))).toBe(mistake)
      expect(await rowsOf('behind one whose sink broke', client.query('select 42 as n'))).toEqual([{ n: 42 }])
      client.release()
      const reader = await pool.replica().connect()
      await destroyOn(reader, ENDLESS)
      expect(await rowsOf('behind one of a replica', reader.query('select 42 as n'))).toEqual([{ n: 42 }])
      reader.release()
      for await (const chunk of pool.query(to(ENDLESS))) if ((chunk as Buffer).length > 0) break
      await leavesNothingBehind()
      uncaught.stop()
      expect(uncaught.errors).toEqual([])
    })

    test('once it has all: what follows is as ever', async () => {
      const stream = client.query(to('copy (select 1) to stdout')).on('readable', () => undefined)
      const behind = client.query('select 42 as answer')
      expect(await rowsOf('the statement behind it', behind)).toEqual([{ answer: 42 }])
      stream.destroy()
      expect(await rowsOf('the next statement', client.query('select 43 as answer'))).toEqual([{ answer: 43 }])
      await releaseClean()
    })
  })

  test('COPY TO, whose query fails: the next statement runs', async () => {
    const copied = collect(client.query(to(`copy (${FAILS_AT_FIVE}) to stdout`)))
    expect(await errorOf(BOUND_MS, 'COPY', copied)).toMatchObject({ code: '22012' })
    expect(await rowsOf('the next statement', client.query('select 42 as answer'))).toEqual([{ answer: 42 }])
    await releaseClean()
  })

  test('COPY FROM with a statement behind it, not awaited: each gets its own', async () => {
    const copied = pipeline(
      Readable.from(['Copied well\t1\n', 'Copied better\t2\n']),
      client.query(from('copy users (name, age) from stdin')),
    )
    const behind = client.query("select count(*)::int as n from users where name like 'Copied%'")
    behind.catch(() => undefined)
    await within(BOUND_MS, 'COPY', copied)
    expect(await rowsOf('the statement behind it', behind)).toEqual([{ n: 2 }])
    client.release()
    await ask(world.url('nrt'), "delete from users where name like 'Copied%'")
    await leavesNothingBehind()
  })
})
