import pg from 'pg'
import Cursor from 'pg-cursor'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions, RoutedClient, Transaction } from '../../src/index.ts'
import { ask, caughtUp, until } from './fixtures.ts'
import { rejectionOf } from './settling.ts'
import { TestPools } from './test-pools.ts'

/** A statement that the server never hears of cannot make its transaction fail there: pg-nearest rolls it back, whoever looks at the error. */
let world: World
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 10, settings: { max_prepared_transactions: '2' } })
  await ask(world.url('nrt'), 'create table notes (n int)')
  await caughtUp(world)
})
afterAll(() => world?.stop())
beforeEach(() => ask(world.url('nrt'), 'truncate notes'))
afterEach(() => pools.destroyAll())

const insert = (n: number): string => `insert into notes values (${n})`
const notes = (): Promise<unknown[]> => ask(world.url('nrt'), 'select n from notes order by n')
const ignore = (): void => undefined
const unconvertible = { toPostgres: () => JSON.parse('{') as never }

/** Gives one that is never sent, and looks at no error. */
const WAYS: readonly [string, (client: Pick<Transaction, 'query'>) => unknown][] = [
  [
    'a name that was used for another text',
    async (tx) => {
      await tx.query({ name: 'q', text: insert(1) })
      void promised(tx.query({ name: 'q', text: insert(2) }))
    },
  ],
  [
    'a signal that is aborted while it waits for its turn',
    (tx) => {
      const stop = new AbortController()
      void tx.query({ name: 'slow', text: 'select pg_sleep(0.05)' })
      void promised(tx.query({ text: insert(2), signal: stop.signal }))
      stop.abort(new Error('enough'))
    },
  ],
  ['a signal that has been aborted', (tx) => void promised(tx.query({ text: insert(2), signal: AbortSignal.abort() }))],
  [
    'timeoutMs that is over while it waits for its turn',
    (tx) => {
      void tx.query({ name: 'slow', text: 'select pg_sleep(0.1)' })
      void promised(tx.query({ text: insert(2), timeoutMs: 20 }))
    },
  ],
  [
    'query_timeout that is over while it waits for its turn',
    (tx) => {
      void tx.query({ name: 'slow', text: 'select pg_sleep(0.1)' })
      void promised(tx.query({ text: insert(2), query_timeout: 20 } as pg.QueryConfig))
    },
  ],
  ['a pg.Query without a text', async (tx) => void tx.query(quiet(new pg.Query({ values: [2] } as never)))],
  [
    'a pg.Query whose values are no array',
    async (tx) => void tx.query(quiet(new pg.Query({ text: insert(2), values: 'two' } as never))),
  ],
  [
    'a pg.Query with a value that cannot be converted',
    async (tx) => void tx.query(quiet(new pg.Query('insert into notes values ($1)', [unconvertible]))),
  ],
]

function promised(given: unknown): Promise<unknown> {
  return (given as Promise<unknown>).catch(ignore)
}

function ended(query: pg.Query): Promise<unknown> {
  const emitter = query as unknown as NodeJS.EventEmitter
  return new Promise((resolve, reject) => void emitter.once('end', resolve).once('error', reject))
}

function quiet(query: pg.Query): pg.Query {
  return (query as unknown as NodeJS.EventEmitter).on('error', ignore) as unknown as pg.Query
}

const OPTIONS: readonly [string, () => NearestPoolOptions][] = [
  ['one database', () => ({ primary: world.url('nrt') })],
  ['several servers', () => world.poolOptions('ord')],
  ['several servers, one statement at a time', () => ({ ...world.poolOptions('ord'), query_timeout: 5_000 })],
]

describe.each(OPTIONS)('with %s', (_, options) => {
  let pool: NearestPool
  beforeEach(async () => void (pool = await pools.start({ ...options(), max: 1 })))

  describe.each(WAYS)('%s', (__, give) => {
    test.each<[string, (tx: Transaction) => unknown]>([
      ['behind others', async (tx) => (await tx.query(insert(0)), await give(tx), await tx.query(insert(3)))],
      ['ahead of all others', async (tx) => (await give(tx), await tx.query(insert(3)))],
      ['at its end', async (tx) => (await tx.query(insert(0)), void (await give(tx)))],
      ['and COMMIT behind it at once', async (tx) => (await give(tx), await tx.commitWith(insert(3)))],
    ])('%s', async (___, work) => {
      const error = await rejectionOf(pool.transaction(work), 'the transaction')
      expect(await notes()).toEqual([])
      expect(error).toMatchObject({ name: 'NearestError' })
      expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
      await until(() => pool.idleCount === pool.totalCount, 'all of its connections to be idle')
    })
  })

  test('a guard that throws for a later statement', async () => {
    const refused = new Error('not that one')
    const work = pool.transaction(async (tx) => {
      await tx.query(insert(1))
      await pool.beforeWrite(
        () => {
          throw refused
        },
        async () => void (await promised(tx.query(insert(2)))),
      )
      await tx.query(insert(3))
    })
    expect(await rejectionOf(work, 'the transaction')).toMatchObject({ code: 'NEAREST_ROLLED_BACK', cause: refused })
    expect(await notes()).toEqual([])
  })

  test.each(WAYS)(
    '%s, and a ROLLBACK of its function behind it: what comes then is another transaction',
    async (__, give) => {
      await pool.transaction(async (tx) => {
        await tx.query(insert(0))
        await give(tx)
        await tx.query('rollback')
      })
      expect(await notes()).toEqual([])
      await pool.transaction(async (tx) => {
        await give(tx)
        await tx.query('rollback')
        await tx.query('begin')
        await tx.query(insert(4))
      })
      expect(await notes()).toEqual([{ n: 4 }])
    },
  )

  test('a ROLLBACK ahead of it in the queue does not undo it', async () => {
    const work = pool.transaction(async (tx) => {
      await tx.query(insert(0))
      void tx.query({ name: 'slow', text: 'select pg_sleep(0.2)' })
      const texts = ['rollback', 'begin', insert(1)]
      const given = texts.map((text) => tx.query(text))
      await promised(tx.query({ text: insert(2), timeoutMs: 20 }))
      await Promise.all(given)
    })
    expect(await rejectionOf(work, 'the transaction')).toMatchObject({ code: 'NEAREST_ROLLED_BACK' })
    expect(await notes()).toEqual([])
  })

  test("its cause is that statement's error", async () => {
    const reason = new Error('enough')
    const work = pool.transaction(async (tx) => {
      await tx.query(insert(1))
      await promised(tx.query({ text: insert(2), signal: AbortSignal.abort(reason) }))
      await tx.query(insert(3))
    })
    expect(await rejectionOf(work, 'the transaction')).toMatchObject({ code: 'NEAREST_ROLLED_BACK', cause: reason })
  })

  test('ROLLBACK TO a savepoint from before undoes it, and one from behind does not', async () => {
    const unsent = (tx: Transaction): Promise<unknown> =>
      promised(tx.query({ text: insert(2), signal: AbortSignal.abort() }))
    const each: readonly (readonly [boolean, (tx: Transaction) => Promise<unknown>])[] = [
      [true, async (tx) => (await tx.query('savepoint s'), await unsent(tx), await tx.query('rollback to s'))],
      [false, async (tx) => (await unsent(tx), await tx.query('savepoint s'), await tx.query('rollback to s'))],
      [false, async (tx) => (await tx.query('savepoint s'), await unsent(tx), await tx.query('release s'))],
      [
        false,
        async (tx) => {
          await unsent(tx)
          await ended(tx.query(new pg.Query('savepoint s')))
          await tx.query('rollback to s')
        },
      ],
    ]
    for (const [commits, work] of each) {
      await ask(world.url('nrt'), 'truncate notes')
      const transaction = pool.transaction(async (tx) => {
        await tx.query(insert(1))
        await work(tx)
        await tx.query(insert(3))
      })
      const code = await transaction.then(
        () => 'COMMIT',
        (error: unknown) => (error as { readonly code?: unknown }).code,
      )
      expect(code).toBe(commits ? 'COMMIT' : 'NEAREST_ROLLED_BACK')
      expect(await notes()).toEqual(commits ? [{ n: 1 }, { n: 3 }] : [])
    }
  })

  describe('where its function ends it by itself, nothing of it is committed, either', () => {
    const unsent = (tx: Transaction): Promise<unknown> =>
      promised(tx.query({ text: 'insert into notes values ($1)', values: [unconvertible] }))
    const texts = [
      'commit',
      'end',
      'commit and chain',
      '/* now */ End Work And Chain;',
      'rollback and chain',
      `${insert(5)}; commit`,
      `commit; begin; ${insert(5)}`,
      `savepoint s; ${insert(5)}; commit and chain`,
      "prepare transaction 'x'",
    ]
    const ends: readonly (readonly [string, (tx: Transaction) => Promise<unknown>])[] = texts.flatMap((text) => [
      [text, (tx) => tx.query(text)],
      [`${text}, by a name`, (tx) => tx.query({ name: 'c', text })],
      [`${text}, as a pg.Query`, (tx) => ended(tx.query(new pg.Query(text)))],
    ])
    const orIgnored = [
      ['whose error is passed on', (end: Promise<unknown>) => end],
      ['whose error is ignored', promised],
    ] as const

    test.each(ends.flatMap(([text, end]) => orIgnored.map(([what, heed]) => [`${text}, ${what}`, end, heed] as const)))(
      '%s',
      async (__, end, heed) => {
        const work = pool.transaction(async (tx) => {
          await tx.query(insert(1))
          await unsent(tx)
          await heed(end(tx))
        })
        expect(await rejectionOf(work, 'the transaction')).toMatchObject({ code: 'NEAREST_ROLLED_BACK' })
        expect(await notes()).toEqual([])
        expect(await ask(world.url('nrt'), 'select gid from pg_prepared_xacts')).toEqual([])
        expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
        await until(() => pool.idleCount === pool.totalCount, 'all of its connections to be idle')
      },
    )

    test('what is never sent behind its end is no part of it', async () => {
      await pool.transaction(async (tx) => {
        await tx.query(insert(1))
        await tx.query('commit')
        await unsent(tx)
      })
      expect(await notes()).toEqual([{ n: 1 }])
    })

    test('a statement with the name of a COMMIT that was not sent is prepared when it is needed', async () => {
      const commit = { name: 'c', text: 'commit' }
      await promised(
        pool.transaction(async (tx) => (await tx.query(insert(1)), await unsent(tx), await tx.query(commit))),
      )
      const client = await pool.connect()
      await client.query('begin')
      await client.query(insert(3))
      expect(await client.query(commit)).toMatchObject({ command: 'COMMIT' })
      client.release()
      expect(await notes()).toEqual([{ n: 3 }])
    })
  })

  test("a borrowed client's own transaction commits the rest, as pg does", async () => {
    const client: RoutedClient = await pool.connect()
    await client.query('begin')
    await client.query(insert(1))
    await promised(client.query({ text: 'insert into notes values ($1)', values: [unconvertible] }))
    await promised(client.query({ text: insert(2), signal: AbortSignal.abort() }))
    await client.query(insert(3))
    expect(await client.query('commit')).toMatchObject({ command: 'COMMIT' })
    client.release()
    expect(await notes()).toEqual([{ n: 1 }, { n: 3 }])
  })
})

/** A tracer, or what else has taken the place of pg's `query`, does not let everything be sent. */
describe.each<[string, () => NearestPoolOptions]>([
  ['one database', () => ({ primary: world.url('nrt') })],
  ['one database, one exchange at a time', () => ({ primary: world.url('nrt'), pipeline: false })],
  ['several servers', () => world.poolOptions('ord')],
  ['several servers, one exchange at a time', () => ({ ...world.poolOptions('ord'), pipeline: false })],
])('with a tracer that refuses, and %s', (_, options) => {
  const own = pg.Client.prototype.query
  const refusal = new Error('not that one')
  const outcome = (promise: unknown): Promise<unknown> =>
    (promise as Promise<pg.QueryResult>).then(
      ({ command }) => command,
      (error: unknown) => (error === refusal ? 'refused' : (error as { readonly code?: unknown }).code),
    )
  let pool: NearestPool
  beforeEach(async () => void (pool = await pools.start({ ...options(), max: 1 })))
  afterEach(() => void (pg.Client.prototype.query = own))

  function refuse(refused: RegExp): void {
    pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]): unknown {
      const { text = '' } = args[0] as { readonly text?: string }
      return refused.test(text) ? (args[1] as (error: Error) => void)(refusal) : Reflect.apply(own, this, args)
    } as typeof own
  }

  const GIVEN: readonly [string, (client: Pick<Transaction, 'query'>) => unknown[]][] = [
    ['statements at once', (client) => [insert(1), insert(2)].map((text) => client.query(text))],
    ['with values', (client) => [1, 2].map((n) => client.query('insert into notes values ($1)', [n]))],
    ['with a name', (client) => [1, 2].map((n) => client.query({ name: `q${n}`, text: insert(n) }))],
    ['one after the other', (client) => [client.query(insert(1)), client.query({ text: insert(2), timeoutMs: 4_000 })]],
    ['pg.Query', (client) => [1, 2].map((n) => ended(client.query(new pg.Query(insert(n)))))],
    ['cursors', (client) => [1, 2].map((n) => client.query(new Cursor(`${insert(n)} returning n`)).read(1))],
  ]

  test.each(GIVEN)('BEGIN of a client: nothing runs outside of a transaction: %s', async (__, give) => {
    refuse(/^begin/)
    const client = await pool.connect()
    const begun = outcome(client.query('begin'))
    const given = [...give(client), client.query('commit')].map(outcome)
    const outcomes = [await begun, ...(await Promise.all(given))]
    const rolledBack = await outcome(client.query('rollback'))
    pg.Client.prototype.query = own
    const behind = await client.query('select 1 as n')
    client.release()
    expect({ outcomes: outcomes.filter((each) => each === 'INSERT'), stored: await notes() }).toEqual({
      outcomes: [],
      stored: [],
    })
    expect(outcomes).toContain('refused')
    expect([rolledBack, behind.rows]).toEqual(['ROLLBACK', [{ n: 1 }]])
  })

  test.each(GIVEN)('BEGIN of transaction(): %s', async (__, give) => {
    refuse(/^begin/)
    const work = pool.transaction(async (tx) => void (await Promise.allSettled(give(tx))))
    await rejectionOf(work, 'the transaction')
    pg.Client.prototype.query = own
    expect(await notes()).toEqual([])
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  })

  test.each([
    ['the first statement', /values \(1\)/],
    ['one behind it', /values \(2\)/],
    ['the last one', /values \(3\)/],
    ['a savepoint', /^savepoint/],
    ['COMMIT', /^commit/],
  ])('%s: nothing of transaction() is committed', async (__, refused) => {
    const texts = [insert(1), 'savepoint s', insert(2)]
    const works: ((tx: Transaction) => unknown)[] = [
      async (tx) => void (await Promise.allSettled([...texts, insert(3)].map((text) => tx.query(text)))),
      (tx) => void [...texts, insert(3)].map((text) => promised(tx.query(text))),
      (tx) => {
        for (const text of texts) void promised(tx.query(text))
        return tx.commitWith(insert(3))
      },
      async (tx) => {
        for (const text of texts) await promised(tx.query(text))
        return tx.query(insert(3))
      },
    ]
    for (const work of works) {
      refuse(refused)
      await rejectionOf(pool.transaction(work), 'the transaction')
      pg.Client.prototype.query = own
      expect(await notes()).toEqual([])
    }
  })
})
