import pg from 'pg'
import { from, to } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, Transaction } from '../../src/index.ts'
import { ask, caughtUp } from './fixtures.ts'
import { settled } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** What pg cannot put into messages is its caller's mistake alone: nothing of it is sent, no connection is lost, and nobody else notices. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 2 })
  await ask(world.url('nrt'), 'create table notes (n int)')
  await caughtUp(world)
})
afterAll(() => world?.stop())
beforeEach(() => ask(world.url('nrt'), 'truncate notes'))
afterEach(() => pools.destroyAll())

const WHERE = {
  'one database': () => ({ primary: world.url('nrt') }),
  'with a replica': () => world.poolOptions('ord'),
} as const
const INSERT = 'insert into notes values (1) returning n'
const notes = (): Promise<unknown[]> => ask(world.url('nrt'), 'select n from notes order by n')
const ignore = (): void => undefined

type Asks = Pick<Transaction, 'query'>
type Way = (pool: NearestPool, ask: (on: Asks) => unknown) => Promise<unknown>

const WAYS: Readonly<Record<string, Way>> = {
  'on the pool': async (pool, run) => run(pool),
  'on a client': async (pool, run) => {
    const client = await pool.connect()
    try {
      return await run(client)
    } finally {
      client.release()
    }
  },
  'behind BEGIN on a client': async (pool, run) => {
    const client = await pool.connect()
    try {
      await client.query('begin')
      return await run(client)
    } finally {
      await client.query('rollback')
      client.release()
    }
  },
  'in a transaction': (pool, run) => pool.transaction(run),
  'behind others in a transaction': (pool, run) =>
    pool.transaction(async (tx) => {
      await tx.query('insert into notes values (2)')
      return run(tx)
    }),
  'in a read-only transaction': (pool, run) => pool.transaction({ readOnly: true }, run),
}

function told(run: () => unknown): Promise<unknown> {
  return Promise.resolve()
    .then(run)
    .then(
      (result) => (result as pg.QueryResult | undefined)?.rows,
      (error: { readonly name?: string; readonly code?: string }) => `${error.name} ${error.code}`,
    )
}

const NO_TYPE = 'TypeError ERR_INVALID_ARG_TYPE'
const OUT_OF_RANGE = 'RangeError ERR_OUT_OF_RANGE'

/** With what pg throws. */
const UNSENDABLE: readonly (readonly [what: string, config: object, error: string])[] = [
  ['a name with an object for a text', { name: 'w', text: { raw: INSERT } }, NO_TYPE],
  ['a name with a number for a text', { name: 'w', text: 5 }, NO_TYPE],
  ['a name that is a number', { name: 5, text: INSERT }, NO_TYPE],
  ['a name that is true', { name: true, text: 'select 1 as n' }, NO_TYPE],
  ['a name that is bytes', { name: Buffer.from('w'), text: INSERT }, NO_TYPE],
  ['rows: -1 of a write', { text: INSERT, rows: -1 }, OUT_OF_RANGE],
  ['rows: -1 of a read', { text: 'select 1 as n', rows: -1 }, OUT_OF_RANGE],
  ['rows: 2 ** 32', { text: INSERT, rows: 2 ** 32 }, OUT_OF_RANGE],
  ['rows: 2n', { text: INSERT, rows: 2n }, NO_TYPE],
  ['a portal that is a number', { text: 'insert into notes values ($1)', values: [1], portal: 5 }, NO_TYPE],
  ['types that are no numbers', { text: 'insert into notes values ($1)', values: [1], types: [23n] }, NO_TYPE],
]

const notText = Object.assign(() => 1, { toString: () => 5 })
const ONE = 'insert into notes values ($1) returning n'
const bad = (given: unknown): never => given as never

/** What writes its messages by itself, and pg's serializer throws in the midst of one. */
const SUBMITTED: Readonly<Record<string, () => pg.Submittable>> = {
  'a cursor of a number': () => new Cursor(bad(5)),
  'a cursor of an object': () => new Cursor(bad({ text: INSERT })),
  'a cursor with a value that becomes no text': () => new Cursor(ONE, [notText]),
  'a cursor with a value that was given later': () => Object.assign(new Cursor(ONE), { values: [5] }),
  'a cursor with values that are no array': () => Object.assign(new Cursor(ONE), { values: 5 }),
  'a cursor that reads, with a value that becomes no text': () => new Cursor('select $1::int as n', [notText]),
  'a stream of a number': () => new QueryStream(bad(5)),
  'a stream with a value that becomes no text': () => new QueryStream(ONE, [notText]),
  'a stream that reads, with a value that becomes no text': () => new QueryStream('select $1::int', [notText]),
  'COPY FROM, of a number': () => from(bad(5)),
  'COPY TO, of an object': () => to(bad({ text: 'copy notes to stdout' })),
}

/** Whatever it tells its end by. */
function endOf(query: pg.Submittable): Promise<unknown> {
  const end = new Promise<unknown>((resolve, reject) => {
    ;(query as unknown as NodeJS.EventEmitter).once('error', reject).once('end', resolve).once('finish', resolve)
  })
  if ('read' in query) void Promise.resolve((query as Cursor).read(1)).catch(ignore)
  return settled(end, 'its end')
}

describe.each(Object.entries(WHERE))('%s', (_, options) => {
  async function start() {
    const pool = await pools.start({ ...options(), max: 2 })
    const seen = { removed: 0, problems: 0 }
    await Promise.all([pool.query('select 0'), pool.primary.query('select 0')])
    pool.on('remove', () => seen.removed++)
    pool.on('problem', () => seen.problems++)
    return { pool, seen }
  }

  /** What was left in pg's buffer would be sent by them. */
  async function whoComesNext(pool: NearestPool): Promise<unknown> {
    const stranger = new pg.Client({ connectionString: world.url('nrt') })
    await stranger.connect()
    const next = [
      await told(() => stranger.query('select $1::int as n', [2])),
      await told(() => pool.query('select 3 as n')),
      await told(() => pool.query('update notes set n = 4 returning n')),
    ]
    await stranger.end()
    return next
  }
  const UNTOUCHED = { next: [[{ n: 2 }], [{ n: 3 }], []], stored: [], removed: 0, problems: 0 }

  describe.each(UNSENDABLE)('%s', (__, config, error) => {
    test('is told, and nothing else happens', async () => {
      const { pool, seen } = await start()
      const got: Record<string, unknown> = {}
      for (const [way, run] of Object.entries(WAYS)) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        got[way] = await told(() => run(pool, (on) => on.query(config as pg.QueryConfig)))
      }
      const next = await whoComesNext(pool)
      expect({ got, next, stored: await notes(), ...seen }).toEqual({
        got: Object.fromEntries(Object.keys(WAYS).map((way) => [way, error])),
        ...UNTOUCHED,
      })
    })

    test('in a transaction that does not look at it', async () => {
      const { pool } = await start()
      const got = await told(() =>
        pool.transaction(async (tx) => {
          await tx.query('insert into notes values (2)')
          void tx.query(config as pg.QueryConfig).catch(ignore)
          void tx.query('insert into notes values (3)').catch(ignore)
        }),
      )
      expect({ got, stored: await notes() }).toEqual({ got: 'NearestError NEAREST_ROLLED_BACK', stored: [] })
    })
  })

  describe.each(Object.entries(SUBMITTED))('%s', (__, make) => {
    test('is told, and nothing else happens', async () => {
      const { pool, seen } = await start()
      const submit = (on: Asks): Promise<unknown> => {
        const query = make()
        const end = endOf(query)
        on.query(query)
        return end
      }
      const got: Record<string, unknown> = {}
      for (const [way, run] of Object.entries(WAYS)) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        got[way] = await told(() => run(pool, submit))
      }
      const next = await whoComesNext(pool)
      expect({ got, next, stored: await notes(), ...seen }).toEqual({
        got: Object.fromEntries(Object.keys(WAYS).map((way) => [way, NO_TYPE])),
        ...UNTOUCHED,
      })
    })

    test('in a transaction that does not look at it', async () => {
      const { pool } = await start()
      const got = await told(() =>
        pool.transaction(async (tx) => {
          await tx.query('insert into notes values (2)')
          const query = make()
          const end = endOf(query)
          tx.query(query)
          await end.catch(ignore)
        }),
      )
      expect({ got, stored: await notes() }).toEqual({ got: 'NearestError NEAREST_ROLLED_BACK', stored: [] })
    })
  })

  test('BEGIN with rows: -1: what comes behind it is in no transaction, and says so', async () => {
    const { pool } = await start()
    const client = await pool.connect()
    const got = await told(() => client.query({ text: 'begin', rows: -1 } as pg.QueryConfig))
    const status = (client as unknown as pg.Client & { getTransactionStatus(): string }).getTransactionStatus()
    client.release()
    expect({ got, status }).toEqual({ got: OUT_OF_RANGE, status: 'I' })
  })

  test.each(['2', true, 1.5, 2 ** 32 - 1, {}])('rows: %j is sent', async (rows) => {
    const { pool } = await start()
    const text = 'select * from generate_series(1, 3) n'
    expect(await told(() => pool.query({ text, rows } as never))).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  })

  test('a pg.Query with rows: -1', async () => {
    const { pool, seen } = await start()
    const query = new pg.Query({ text: INSERT, rows: -1 } as never)
    const got = await told(() => pool.query(query as never))
    expect({ got, stored: await notes(), removed: seen.removed }).toEqual({
      got: OUT_OF_RANGE,
      stored: [],
      removed: 0,
    })
  })

  describe.each([undefined, null, 0, ''])('a value whose toPostgres throws %j', (thrown) => {
    const value = {
      toPostgres() {
        throw thrown
      },
    }
    test.each([
      ['a write', 'insert into notes values ($1)', value],
      ['a read', 'select $1::int as n', value],
      ['a function', 'insert into notes values ($1)', Object.assign(() => 1, { toString: value.toPostgres })],
    ] as const)('%s', async (__, text, given) => {
      const { pool } = await start()
      const got: Record<string, unknown> = {}
      for (const [way, run] of Object.entries(WAYS)) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        got[way] = await run(pool, (on) => on.query(text, [given])).then(
          () => 'done',
          (error: unknown) => error instanceof Error && { cause: error.cause },
        )
      }
      expect({ got, stored: await notes() }).toEqual({
        got: Object.fromEntries(Object.keys(WAYS).map((way) => [way, { cause: thrown }])),
        stored: [],
      })
    })

    test('in a transaction that does not look at it', async () => {
      const { pool } = await start()
      const got = await told(() =>
        pool.transaction(async (tx) => {
          await tx.query('insert into notes values (2)')
          void tx.query('insert into notes values ($1)', [value]).catch(ignore)
        }),
      )
      expect({ got, stored: await notes() }).toEqual({ got: 'NearestError NEAREST_ROLLED_BACK', stored: [] })
    })
  })
})

const MAKERS: Readonly<Record<string, () => pg.Pool>> = {
  pg: () => new pg.Pool({ connectionString: world.url('nrt'), max: 1 }),
  'one database': () => pools.create({ primary: world.url('nrt'), max: 1 }),
  'with a replica': () => pools.create({ ...world.poolOptions('ord'), max: 1 }),
}

/** Sends by itself what it is given, as it likes. */
class OwnQuery {
  readonly text = 'select $1::text || $2::text'
  readonly values: unknown[] = [1, { toString: () => 'a' }]
  readonly fields: unknown[] = []
  readonly ended: Promise<void>
  #end: () => void = ignore
  constructor(more: object) {
    this.ended = new Promise((resolve) => (this.#end = resolve))
    Object.assign(this, more)
  }
  submit(connection: pg.Connection): void {
    connection.parse({ name: '', text: this.text, types: [] }, true)
    connection.bind({ values: this.values, valueMapper: String } as pg.BindConfig, true)
    connection.execute({}, true)
    connection.sync()
  }
  handleDataRow({ fields }: { readonly fields: readonly Buffer[] }): void {
    this.fields.push(...fields.map(String))
  }
  handleError(error: unknown): void {
    this.fields.push(error)
  }
  handleReadyForQuery(): void {
    this.#end()
  }
  readonly handleRowDescription = ignore
  readonly handleCommandComplete = ignore
}

describe.each(Object.entries(MAKERS))('%s', (_, make) => {
  test.each([
    [{}],
    [{ destroy: ignore, on: ignore, once: ignore }],
    [{ name: { of: 'a caller' }, rows: [-1], portal: 5, types: [1n] }],
  ])('what a caller submits is the own of that: %o', async (more) => {
    const pool = make()
    const client = await pool.connect()
    await client.query('begin')
    await client.query('insert into notes values (1)')
    const query = new OwnQuery(more)
    client.query(query as unknown as pg.Submittable)
    await settled(query.ended, 'its end')
    const { command } = await client.query('commit')
    client.release()
    await pool.end()
    expect([query.fields, command, await notes()]).toEqual([['1a'], 'COMMIT', [{ n: 1 }]])
  })

  test.each([
    ['a portal', { portal: 5 }],
    ['a list of types', { types: [Symbol('t')] }],
    ['a portal beside an empty array', { portal: 5, values: [] }],
  ])('%s is not written where there are no values', async (__, more) => {
    const pool = make()
    const insert = { text: 'insert into notes values (1)', ...more } as never
    const got = [await told(() => pool.query(insert))]
    const client = await pool.connect()
    got.push(await told(() => client.query(insert)))
    for (const text of ['begin', 'insert into notes values (2)', 'insert into notes values (3)', 'commit']) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      got.push(await told(() => client.query({ text, ...more } as never)))
    }
    const query = new pg.Query(insert)
    const end = endOf(query)
    client.query(query)
    got.push(await told(() => end.then(() => undefined)))
    client.release()
    await pool.end()
    expect([got, await notes()]).toEqual([[[], [], [], [], [], [], undefined], [1, 1, 1, 2, 3].map((n) => ({ n }))])
  })

  test.each([undefined, null, '', false, 0])('a name with text: %j is its name alone', async (text) => {
    const pool = make()
    const client = await pool.connect()
    const got = [
      await told(() => client.query({ name: 'known', text: 'select 1 as n' })),
      await told(() => client.query({ name: 'known', text } as never)),
      await told(() => client.query({ name: 'known', text: "update notes set n = 2 where n = 9 returning 'no'" })),
      await told(() => client.query({ name: 'unknown', text } as never)),
      await told(() => client.query({ name: 'unknown', text } as never)),
    ]
    client.release()
    await pool.end()
    // pg parses no text as an empty one, and takes only what is not undefined for parsed.
    expect(got).toEqual([[{ n: 1 }], [{ n: 1 }], 'Error undefined', [], text === undefined ? 'error 42P05' : []])
  })

  test('a name that a client has given without a text is taken on its connection', async () => {
    const pool = make()
    const client = await pool.connect()
    const got = [await told(() => client.query({ name: 'w3', text: undefined } as never))]
    client.release()
    got.push(await told(() => pool.query({ name: 'w3' } as never)))
    await pool.end()
    expect(got).toEqual([[], 'error 42P05'])
  })
})
