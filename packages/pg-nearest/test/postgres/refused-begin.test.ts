import { Socket } from 'node:net'
import { text as textFrom } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import pg, { type QueryConfig } from 'pg'
import { from, to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, RoutedClient } from '../../src/index.ts'
import { ask } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** What a read-only handle runs, it runs in a transaction that is READ ONLY, or not at all: the primary would take a write. */
let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt' })
  await ask(
    world.url('nrt'),
    `create table notes (text text not null);
     create function note() returns int language sql volatile as $$ insert into notes values ('by a function'); select 1 $$`,
  )
})
afterAll(() => world.stop())

const pools = new TestPools()
beforeEach(() => ask(world.url('nrt'), 'truncate notes'))
afterEach(() => pools.destroyAll())

const BEGIN = 'BEGIN READ ONLY'

/** The server gets something instead of each BEGIN that it refuses, as it refuses one that an administrator cancels. */
function refusing(): Socket {
  const socket = new Socket()
  // Node gives it its own `write` when it connects.
  socket.once('connect', () => {
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
    socket.write = (bytes: Buffer, ...args: unknown[]) => {
      for (let at = bytes.indexOf(BEGIN); at >= 0; at = bytes.indexOf(BEGIN, at))
        bytes.write('select 1/0'.padEnd(BEGIN.length), at)
      return write(bytes, ...args)
    }
  })
  return socket
}

const INSERT = "insert into notes values ('written')"
const INSERT_ONE = 'insert into notes values ($1)'
const WRITES: Record<string, object> = {
  'several statements': { text: `select 1; ${INSERT}` },
  'several statements, the first of which writes': { text: `${INSERT}; select 1` },
  'several statements without values': { text: `${INSERT}; select 1`, values: [] },
  'one statement': { text: INSERT },
  'one with values': { text: 'insert into notes values ($1)', values: ['written'] },
  'one with a name': { text: INSERT, name: 'a write' },
  'one whose rows are fetched page by page': { text: 'select note() from generate_series(1, 3)', rows: 1 },
  'one with a name whose rows are fetched page by page': { text: 'select note()', rows: 1, name: 'paged' },
  'a function': { text: 'select note()' },
}

type Run = (pool: NearestPool, config: string | object) => Promise<unknown>
const handles: Record<string, Run> = {
  'a read-only handle': (pool, config) => pool.replica().query(config as QueryConfig),
  'a client of one': async (pool, config) => {
    const client = await pool.replica().connect()
    try {
      return await client.query(config as QueryConfig)
    } finally {
      client.release()
    }
  },
}

describe.each(Object.entries(handles))('on %s', (_, run) => {
  test.each(Object.entries(WRITES))('%s: nothing of it runs if its BEGIN is refused', async (_what, config) => {
    const pool = pools.create({ primary: world.url('nrt'), max: 1, stream: () => refusing() })
    const query = run(pool, config)
    expect(await rejectionOf(query, 'a statement without its BEGIN')).toMatchObject({ code: '22012' })
    expect(await ask(world.url('nrt'), 'select * from notes')).toEqual([])
    // The connection is as it was.
    expect((await settled(pool.query('select 2 as n'), 'the next read')).rows).toEqual([{ n: 2 }])
    await settled(pool.query(INSERT), 'a write')
  })

  test.each(Object.entries(WRITES))('%s: the server refuses what it writes', async (_what, config) => {
    const pool = pools.create({ primary: world.url('nrt'), max: 1 })
    const query = run(pool, config)
    expect(await rejectionOf(query, 'a write')).toMatchObject({ code: 'NEAREST_READ_ONLY_HANDLE' })
    expect(await ask(world.url('nrt'), 'select * from notes')).toEqual([])
    expect((await settled(pool.query('select 2 as n'), 'the next read')).rows).toEqual([{ n: 2 }])
  })

  test.each([
    ['select 1 as n; select 2 as n', [[{ n: 1 }], [{ n: 2 }]]],
    ['select 1 as n;; -- and no more', [[{ n: 1 }]]],
    [';', [[]]],
    ["set local timezone = 'UTC'; show timezone", [[], [{ TimeZone: 'UTC' }]]],
  ])('%s: has the results that pg has', async (text, rows) => {
    const pool = pools.create({ primary: world.url('nrt') })
    const plain = (await settled(pool.query(text), text)) as unknown
    const results = await settled(run(pool, text), text)
    expect(Array.isArray(results)).toBe(Array.isArray(plain))
    expect([results].flat().map((each) => (each as { rows: unknown[] }).rows)).toEqual(rows)
    const shown = (of: unknown) =>
      [of].flat().map((each) => (({ command, rowCount }) => ({ command, rowCount }))(each as never))
    expect(shown(results)).toEqual(shown(plain))
  })

  test.each(['select 1; select from nowhere', 'select 1; selekt', 'sélect 1; select 1/0', "select 'é'; select 1 +"])(
    '%s: fails where pg says',
    async (text) => {
      const pool = pools.create({ primary: world.url('nrt') })
      const { code, position } = (await rejectionOf(pool.query(text), text)) as { code: string; position: string }
      expect(await rejectionOf(run(pool, text), text)).toMatchObject({ code, position })
    },
  )

  test('a page after the other: all rows', async () => {
    const pool = pools.create({ primary: world.url('nrt') })
    const paged = { text: 'select n from generate_series(1, 5) as n', rows: 2 }
    const { rows } = (await settled(run(pool, paged), 'pages')) as { rows: unknown[] }
    expect(rows).toEqual([1, 2, 3, 4, 5].map((n) => ({ n })))
    expect((await settled(pool.query('select 2 as n'), 'the next read')).rows).toEqual([{ n: 2 }])
  })
})

function ended(query: pg.Query): Promise<unknown> {
  const emitter = query as unknown as NodeJS.EventEmitter
  return new Promise((resolve, reject) => emitter.once('end', resolve).once('error', reject))
}

/** What speaks the protocol itself, so that nothing shares its Sync. */
const SUBMITTABLES: Record<string, (client: RoutedClient) => Promise<unknown>> = {
  'a cursor': (client) => client.query(new Cursor('select note()')).read(10),
  'a cursor of what writes': (client) => client.query(new Cursor(INSERT)).read(10),
  'a stream': (client) => client.query(new QueryStream('select note()')).toArray(),
  'COPY TO': (client) => textFrom(client.query(to('copy (select note()) to stdout'))),
  'COPY FROM': (client) => pipeline([Buffer.from('copied\n')], client.query(from('copy notes from stdin'))),
  'a pg.Query': (client) => ended(client.query(new pg.Query('select note()'))),
  'a pg.Query with a value': (client) =>
    ended(client.query(new pg.Query('insert into notes values ($1)', ['written']))),
  'a pg.Query of several statements': (client) => ended(client.query(new pg.Query(`${INSERT}; select 1`))),
}

describe.each(Object.entries(SUBMITTABLES))('%s on a client of a read-only handle', (_, submit) => {
  test.each([
    ['nothing of it runs if its BEGIN is refused', refusing, '22012'],
    ['the server refuses what it writes', undefined, '25006'],
  ])('%s', async (__, stream, code) => {
    const pool = pools.create({ primary: world.url('nrt'), max: 1, ...(stream && { stream }) })
    const client = await pool.replica().connect()
    expect(await rejectionOf(submit(client), 'what is submitted')).toMatchObject({ code })
    expect(await ask(world.url('nrt'), 'select * from notes')).toEqual([])
    client.release()
    // The connection is as it was.
    expect((await settled(pool.query('select 2 as n'), 'the next read')).rows).toEqual([{ n: 2 }])
    await settled(pool.query(INSERT), 'a write')
  })
})

test('a BEGIN that asks for pages takes no other answers for its own', async () => {
  const pool = pools.create({ primary: world.url('nrt') })
  const client = await pool.replica().connect()
  const texts = ['begin', 'select 1 as n', 'select 2 as n', 'commit']
  const paged = texts.map((text) => client.query({ text, rows: 1 } as QueryConfig))
  const results = await settled(Promise.all(paged), 'statements')
  expect(results.map(({ rows }) => rows)).toEqual([[], [{ n: 1 }], [{ n: 2 }], []])
  expect((await settled(client.query('select 3 as n'), 'the next read')).rows).toEqual([{ n: 3 }])
  client.release()
})

describe.each([
  ['statements in one group', {}],
  ['one at a time', { pipeline: false }],
])('behind a refused BEGIN nothing runs, though one of those could not be sent: %s', (_, options) => {
  const unconvertible = { toPostgres: () => JSON.parse('{') as never }
  test.each<[string, unknown[][]]>([
    ['the first one', [[INSERT_ONE, [unconvertible]], [INSERT], ['commit']]],
    ['one behind it', [[INSERT], [INSERT_ONE, [unconvertible]], [INSERT], [INSERT_ONE, ['too']], ['commit']]],
    ['without COMMIT', [[INSERT_ONE, [unconvertible]], [INSERT]]],
  ])('%s', async (__, given) => {
    const pool = pools.create({ primary: world.url('nrt'), max: 1, stream: () => refusing(), ...options })
    const client = await pool.connect()
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>
    await settled(Promise.allSettled([[BEGIN], ...given].map((args) => query(...args))), 'statements')
    client.release(true)
    expect(await ask(world.url('nrt'), 'select * from notes')).toEqual([])
  })
})
