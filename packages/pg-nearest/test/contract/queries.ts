import pg from 'pg'
import { calledBack, codeOf, errorOf, messageOf, queryCases, casesOf } from './contract-case.ts'

const rowsOf = ({ rows }: pg.QueryResult): unknown => rows

const forms = casesOf('query', [
  ['a text', [{ n: 1 }], async ({ pool }) => (await pool().query('select 1 as n')).rows],
  ['a text and values', [{ n: 2 }], async ({ pool }) => (await pool().query('select $1::int as n', [2])).rows],
  ['a text and no values', [{ n: 1 }], async ({ pool }) => (await pool().query('select 1 as n', [])).rows],
  ['a text and undefined', [{ n: 1 }], async ({ pool }) => (await pool().query('select 1 as n', undefined)).rows],
  [
    'an object',
    [{ n: 3 }],
    async ({ pool }) => (await pool().query({ text: 'select $1::int as n', values: [3] })).rows,
  ],
  [
    'an object, and values beside it, which count',
    [{ n: 4 }],
    async ({ pool }) => (await pool().query({ text: 'select $1::int as n', values: [3] }, [4])).rows,
  ],
  [
    'rows as arrays',
    [[1, 2]],
    async ({ pool }) => (await pool().query({ text: 'select 1 as a, 2 as b', rowMode: 'array' })).rows,
  ],
  [
    'a prepared statement, again and again',
    [1, 2, 3],
    async ({ pool }) => {
      const all = pool({ max: 1 })
      const seen: unknown[] = []
      for (const n of [1, 2, 3]) {
        const { rows } = await all.query({ name: 'same', text: 'select $1::int as n', values: [n] })
        seen.push(rows[0].n)
      }
      return seen
    },
  ],
  [
    'one name for two texts',
    "Prepared statements must be unique - 'twice' was used for a different statement",
    async ({ pool }) => {
      const all = pool({ max: 1 })
      await all.query({ name: 'twice', text: 'select 1' })
      return messageOf(all.query({ name: 'twice', text: 'select 2' }))
    },
  ],
  [
    'parsers of its own',
    [{ n: 'got 5' }],
    async ({ pool }) =>
      (await pool().query({ text: 'select 5 as n', types: { getTypeParser: () => (text: string) => `got ${text}` } }))
        .rows,
  ],
  [
    'several statements give several results',
    [[{ a: 1 }], [{ b: 2 }]],
    async ({ pool }) =>
      ((await pool().query('select 1 as a; select 2 as b')) as unknown as pg.QueryResult[]).map(rowsOf),
  ],
  [
    'an empty text',
    [null, []],
    async ({ pool }) => {
      const { command, rows } = await pool().query('')
      return [command, rows]
    },
  ],
  ['a comment', [], async ({ pool }) => (await pool().query('-- nothing')).rows],
  [
    'a callback',
    [undefined, [{ n: 1 }]],
    async ({ pool }) => {
      const [error, result] = await calledBack((done) => pool().query('select 1 as n', done))
      return [error, (result as pg.QueryResult).rows]
    },
  ],
  [
    'values and a callback',
    [{ n: 7 }],
    async ({ pool }) => {
      const [, result] = await calledBack((done) => pool().query('select $1::int as n', [7], done))
      return (result as pg.QueryResult).rows
    },
  ],
  [
    'an object and a callback',
    [{ n: 8 }],
    async ({ pool }) => {
      const [, result] = await calledBack((done) => pool().query({ text: 'select 8 as n' }, done))
      return (result as pg.QueryResult).rows
    },
  ],
  [
    'an error in a callback, and no result',
    ['42601', undefined],
    async ({ pool }) => {
      const [error, result] = await calledBack((done) => pool().query('selekt', done))
      return [(error as { code: string }).code, result]
    },
  ],
  [
    'with a callback there is no promise',
    undefined,
    async ({ pool }) => {
      let returned: unknown = 'nothing yet'
      await calledBack((done) => {
        returned = pool().query('select 1', done)
      })
      return returned
    },
  ],
  [
    'a callback is never called at once',
    true,
    async ({ pool }) => {
      let later = false
      const called = calledBack((done) => pool().query('select 1', () => done(later)))
      later = true
      return (await called)[0]
    },
  ],
  [
    'two callbacks: a pool calls the first',
    'first',
    async ({ pool }) => {
      const twice = (...args: unknown[]): unknown => Reflect.apply(pool().query, pool(), args)
      return (
        await calledBack((done) =>
          twice(
            'select 1',
            () => done('first'),
            () => done('second'),
          ),
        )
      )[0]
    },
  ],
  [
    'two callbacks: a client calls the last',
    'second',
    async ({ pool }) => {
      const client = await pool().connect()
      const twice = (...args: unknown[]): unknown => Reflect.apply(client.query, client, args)
      const [called] = await calledBack((done) =>
        twice(
          'select 1',
          () => done('first'),
          () => done('second'),
        ),
      )
      client.release()
      return called
    },
  ],
  [
    'on a client, callbacks that are none',
    ['TypeError: callback is not a function', 'TypeError: callback is not a function', [{ n: 1 }]],
    async ({ pool }) => {
      const client = await pool().connect()
      const ask = async (...args: unknown[]): Promise<unknown> => Reflect.apply(client.query, client, args) as unknown
      const outcomes = [
        await ask({ text: 'select 1 as n', callback: 5 }).catch(String),
        await ask('select 1 as n', [], 5).catch(String),
        ((await ask({ text: 'select 1 as n', callback: 0 }, undefined, null)) as pg.QueryResult).rows,
      ]
      client.release()
      return outcomes
    },
  ],
  [
    'in the options for a pool a callback is nothing',
    [{ n: 1 }],
    async ({ pool }) => (await pool().query({ text: 'select 1 as n', callback: 5 } as pg.QueryConfig)).rows,
  ],
  [
    'an object with values, and values that are off',
    [[{ n: 1 }], [{ n: 1 }], [{ n: 1 }], [{ n: 1 }]],
    async ({ pool }) => {
      const off = [false, 0, '', null]
      const query = { text: 'select $1::int as n', values: [1] }
      const results = await Promise.all(off.map((values) => pool().query(query, values as never)))
      return results.map(({ rows }) => rows as unknown)
    },
  ],
  [
    'query_timeout as a text',
    'Query read timeout',
    async ({ pool }) =>
      (await errorOf(() => pool().query({ text: 'select pg_sleep(5)', query_timeout: '50' } as never))).message,
  ],
  ['nothing', TypeError, async ({ pool }) => (await errorOf(() => pool().query(undefined as never))).constructor],
  ['null', TypeError, async ({ pool }) => (await errorOf(() => pool().query(null as never))).constructor],
  [
    'a function in its place',
    'Passing a function as the first parameter to pool.query is not supported',
    async ({ pool }) => {
      const [error] = await calledBack((done) => pool().query(done as never))
      return (error as Error).message
    },
  ],
  [
    'the error’s stack leads to the caller',
    true,
    async ({ pool }) => (await errorOf(pool().query('select 1/0'))).stack?.includes('contract/'),
  ],
  [
    'the error is pg’s own',
    true,
    async ({ pool }) => (await errorOf(pool().query('selekt'))) instanceof pg.DatabaseError,
  ],
  [
    'an error tells all that the server said',
    { severity: 'ERROR', code: '23505', table: 'contract', constraint: 'contract_pkey', schema: 'public' },
    async ({ pool }) => {
      const all = pool()
      await all.query("insert into contract values (1, 'one') on conflict do nothing")
      const error = (await errorOf(all.query("insert into contract values (1, 'one')"))) as pg.DatabaseError
      const { severity, code, table, constraint, schema } = error
      return { severity, code, table, constraint, schema }
    },
  ],
  [
    'the position of an error',
    '8',
    async ({ pool }) => ((await errorOf(pool().query('select nothing_there'))) as pg.DatabaseError).position,
  ],
  [
    'a hundred at once, in whatever order, each its own',
    Array.from({ length: 100 }, (_, n) => n),
    async ({ pool }) => {
      const all = pool()
      const results = await Promise.all(Array.from({ length: 100 }, (_, n) => all.query('select $1::int as n', [n])))
      return results.map(({ rows }) => rows[0].n)
    },
  ],
  [
    'what is written is there',
    [{ name: 'two' }],
    async ({ pool }) => {
      const all = pool()
      await all.query("insert into contract values (2, 'two') on conflict do nothing")
      return (await all.query('select name from contract where id = 2')).rows
    },
  ],
  [
    'its own query_timeout',
    'Query read timeout',
    async ({ pool }) => messageOf(pool().query({ text: 'select pg_sleep(5)', query_timeout: 50 } as pg.QueryConfig)),
  ],
  [
    'a value that cannot be sent',
    'no such value',
    async ({ pool }) => {
      const toPostgres = (): never => {
        throw new Error('no such value')
      }
      return messageOf(pool().query('select $1', [{ toPostgres }]))
    },
  ],
  [
    'a value with toPostgres',
    [{ v: 'mine' }],
    async ({ pool }) => (await pool().query('select $1::text as v', [{ toPostgres: () => 'mine' }])).rows,
  ],
  [
    'columns of one name: the last counts',
    [{ n: 2 }],
    async ({ pool }) => (await pool().query('select 1 as n, 2 as n')).rows,
  ],
  [
    'columns of one name, as arrays',
    [[1, 2]],
    async ({ pool }) => (await pool().query({ text: 'select 1 as n, 2 as n', rowMode: 'array' })).rows,
  ],
  [
    'fields',
    [
      ['a', 23],
      ['b', 25],
    ],
    async ({ pool }) =>
      (await pool().query("select 1 as a, 'x'::text as b")).fields.map(({ name, dataTypeID }) => [name, dataTypeID]),
  ],
  ['a result is a pg.Result', 'Result', async ({ pool }) => (await pool().query('select 1')).constructor.name],
  [
    'rows are plain objects',
    true,
    async ({ pool }) => {
      const [row] = (await pool().query('select 1 as n')).rows
      return JSON.stringify(row) === '{"n":1}' && Object.keys(row as object).join() === 'n'
    },
  ],
  ['a wrong number of values', '08P01', async ({ pool }) => codeOf(pool().query('select $1::int', [1, 2]))],
])

const values = queryCases(
  'value',
  [
    ['select $1::int as v', 42, [42]],
    ['select $1::bigint as v', '9007199254740993', ['9007199254740993']],
    ['select $1::bigint as v', '12', [12n]],
    ['select $1::text as v', 'Grüße, 世界 🐘', ['Grüße, 世界 🐘']],
    ['select $1::text as v', null, [null]],
    ['select $1::text as v', null, [undefined]],
    ['select $1::bool as v', true, [true]],
    ['select $1::float8 as v', 1.5, [1.5]],
    ['select $1::numeric as v', '1.10', ['1.10']],
    ['select $1::int[] as v', [1, 2, 3], [[1, 2, 3]]],
    ['select $1::text[] as v', ['a"b', 'c,d', null], [['a"b', 'c,d', null]]],
    ['select $1::jsonb as v', { a: [1, 'x'] }, [{ a: [1, 'x'] }]],
    ['select $1::json as v', { b: null }, ['{"b": null}']],
    ['select $1::bytea as v', Buffer.from('\0ÿ'), [Buffer.from('\0ÿ')]],
    ['select $1::timestamptz as v', new Date('2026-11-27T03:00:00.123Z'), [new Date('2026-11-27T03:00:00.123Z')]],
    ['select $1::uuid as v', '5f0c0f5e-0000-4000-8000-000000000000', ['5f0c0f5e-0000-4000-8000-000000000000']],
    ["select $1::interval = '1 day' as v", true, ['24 hours']],
    ['select null::int as v', null],
    ["select ''::text as v", ''],
    ["select '{}'::int[] as v", []],
    ['select point(1, 2) as v', { x: 1, y: 2 }],
    ["select 'NaN'::float8 as v", Number.NaN],
    ["select repeat('x', 100000) = $1 as v", true, ['x'.repeat(100_000)]],
  ],
  ({ rows }) => rows[0].v,
)

const commands = queryCases(
  'command',
  [
    ['select 1', ['SELECT', 1]],
    ['select 1 where false', ['SELECT', 0]],
    ['select generate_series(1, 5)', ['SELECT', 5]],
    ["insert into contract select 1000 + n, 'many' from generate_series(1, 3) n on conflict do nothing", ['INSERT', 3]],
    ["update contract set name = 'more' where id between 1001 and 1003", ['UPDATE', 3]],
    ['delete from contract where id between 1001 and 1003', ['DELETE', 3]],
    ['delete from contract where false', ['DELETE', 0]],
    ['values (1), (2)', ['SELECT', 2]],
    ['table contract limit 0', ['SELECT', 0]],
    ['create table if not exists contract_made (n int)', ['CREATE', null]],
    ['drop table if exists contract_made', ['DROP', null]],
    ['explain select 1', ['EXPLAIN', null]],
    ['show server_version_num', ['SHOW', null]],
    ['analyze contract', ['ANALYZE', null]],
    ['do $$ begin end $$', ['DO', null]],
    ['rollback', ['ROLLBACK', null]],
  ],
  ({ command, rowCount }) => [command, rowCount],
)

const refusals = (
  [
    ['selekt', '42601'],
    ['select * from no_such_table', '42P01'],
    ['select no_such_column from contract', '42703'],
    ['select no_such_function()', '42883'],
    ['select 1/0', '22012'],
    ["select 'x'::int", '22P02'],
    ["insert into contract values (null, 'x')", '23502'],
    ["insert into contract values (1, 'x'), (1, 'y')", '23505'],
    ["select '2026-99-99'::date", '22008'],
    ['drop table no_such_table', '42P01'],
    ["select pg_read_file('/etc/passwd')", '42501'],
    ['create table contract (n int)', '42P07'],
    ["do $$ begin raise exception 'mine' using errcode = 'P0042'; end $$", 'P0042'],
    ["do $$ begin raise exception 'mine' using errcode = '57P01'; end $$", '57P01'],
  ] as const
).map(([text, code]) => ({
  name: `refusal: ${text}`,
  expects: code,
  run: ({ pool }: Parameters<(typeof forms)[number]['run']>[0]) => codeOf(pool().query(text)),
}))

export const queryContract = [...forms, ...values, ...commands, ...refusals]
