import pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { NearestPool, NearestPoolOptions } from '../../src/index.ts'
import { administer, ask, caughtUp, until, withUsers } from './fixtures.ts'
import { repeatedly } from './repeatedly.ts'
import { within } from './settling.ts'
import { TestPools } from './test-pools.ts'

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await withUsers(world)
  await ask(
    world.url('nrt'),
    `create table numbers (n int primary key, tenant text not null, note text);
     insert into numbers select n, case when n % 2 = 0 then 'even' else 'odd' end, null from generate_series(1, 1000) as n;
     create table locked_apart (a int);
     create view hitting as select hit() as n;
     alter table numbers enable row level security;
     alter table numbers force row level security;
     create policy mine on numbers using (coalesce(current_setting('app.tenant', true), '') in ('', tenant));
     create function as_tenant(name text) returns text language sql volatile
       as $$ select set_config('app.tenant', name, true) $$;`,
  )
  await caughtUp(world)
})
afterAll(() => world.stop())

const pools = new TestPools()
afterEach(() => pools.destroyAll())

const READ = 'select n, n * 2 as double, tenant from numbers where n = $1'

/** One that has seen that these texts are quick, on a connection that has told which machine it leads to. */
async function poolWith(texts: readonly string[], options: Partial<NearestPoolOptions> = {}): Promise<NearestPool> {
  const pool = await pools.start({ ...world.poolOptions('ord'), lanes: true, ...options })
  for (const text of texts) for (let i = 0; i < 4; i++) await pool.query(text, text.includes('$1') ? [1] : [])
  return pool
}

function readAll(pool: Pick<NearestPool, 'query'>, count: number): Promise<unknown[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const { rows } = await pool.query<{ n: number; double: number }>(READ, [i + 1])
      return rows[0]
    }),
  )
}

function expected(count: number): unknown[] {
  return Array.from({ length: count }, (_, i) => ({
    n: i + 1,
    double: 2 * (i + 1),
    tenant: i % 2 === 0 ? 'odd' : 'even',
  }))
}

/** How many connections it holds to the replica. */
function connectionsOf(pool: NearestPool): number {
  return pool.totalCount
}

const TRIES = 5

/**
 * How many connections a pool takes for it. On a busy machine a text may have been slow, or a lane silent, so that reads rightly run where
 * they are alone: then another pool is tried.
 */
async function connectionsFor(work: (pool: NearestPool) => Promise<void>, most = 1): Promise<number> {
  for (let tries = 1; ; tries++) {
    const pool = await poolWith([READ])
    await work(pool)
    if (connectionsOf(pool) <= most || tries === TRIES) return connectionsOf(pool)
  }
}

describe('reads that are in flight at the same time', () => {
  test('share one connection, and each has its own rows', async () => {
    const connections = await connectionsFor(async (pool) => {
      for (let round = 0; round < 5; round++) expect(await readAll(pool, 50)).toEqual(expected(50))
    })
    expect(connections).toBe(1)
  })

  test('are a second connection’s when there are many', async () => {
    const connections = await connectionsFor(async (pool) => expect(await readAll(pool, 500)).toEqual(expected(500)), 2)
    expect(connections).toBeLessThanOrEqual(2)
  })

  test('have a connection each unless lanes are switched on', async () => {
    const pool = await poolWith([READ], { lanes: false, max: 7 })
    expect(await readAll(pool, 50)).toEqual(expected(50))
    expect(connectionsOf(pool)).toBe(7)
  })

  test('give pg’s results: fields, types, modes, names that occur twice', async () => {
    const texts = [
      "select 1 as a, 2 as a, null as b, 'x' as \"__proto__\", true as c, '{1,2}'::int[] as d, now() as at",
      "select '1.5'::numeric as n, '\\x00ff'::bytea as bytes, '{\"a\":1}'::jsonb as j, 'ß€𝄞' as text, ''::text as none from numbers limit 3",
      'select from numbers limit 2',
      'select n from numbers where n < 0',
      'values (1, null), (2, $1::text)',
    ]
    const pool = await poolWith(texts)
    const plain = await poolWith([], { lanes: false })
    const asText = { getTypeParser: () => (value: string) => `<${value}>` }
    for (const text of texts) {
      const values = text.includes('$1') ? ['ß'] : []
      for (const more of [{}, { rowMode: 'array' as const }, { types: asText }]) {
        const [[ours, other], theirs] = await Promise.all([
          Promise.all([pool.query({ text, values, ...more }), pool.query({ text, values, ...more })]),
          plain.query({ text, values, ...more }),
        ])
        for (const result of [ours, other]) {
          expect(shownBy(result)).toEqual(shownBy(theirs))
          expect(result.fields.map(({ constructor }) => constructor.name)).toEqual(
            theirs.fields.map(({ constructor }) => constructor.name),
          )
          expect(result).toBeInstanceOf(pg.Result)
        }
      }
    }
  })

  test('are their owners’, to the last column', async () => {
    const connections = await connectionsFor(async (pool) => {
      for (let round = 0; round < 3; round++) {
        const results = await Promise.all(Array.from({ length: 10 }, () => pool.query<{ n: number }>(READ, [1])))
        for (const { fields, rows } of results) {
          expect(fields.map(({ name }) => name)).toEqual(['n', 'double', 'tenant'])
          expect(rows).toEqual(expected(1))
          for (const field of fields) field.name = 'changed'
        }
      }
    })
    expect(connections).toBe(1)
  })

  test('send what pg sends for values of any kind', async () => {
    const text =
      'select $1::text as a, $2::bytea as b, $3::timestamptz as c, $4::int[] as d, $5::jsonb as e, $6::bool as f'
    const values = ['ß\u{1d11e}', Buffer.from([0, 1, 255]), new Date(0), [1, null, 3], { a: [1] }, false]
    const pool = await poolWith([])
    for (let i = 0; i < 4; i++) await pool.query(text, values)
    const results = await Promise.all(Array.from({ length: 10 }, () => pool.query(text, values)))
    for (const { rows } of results) {
      expect(rows).toEqual([{ a: values[0], b: values[1], c: values[2], d: values[3], e: values[4], f: values[5] }])
    }
    const bad = { toPostgres: (): never => raise(new Error('not this one')) }
    const [failed, ...well] = await Promise.allSettled([
      pool.query(text, [bad, null, null, null, null, null]),
      ...Array.from({ length: 5 }, () => pool.query(text, values)),
    ])
    expect(failed).toMatchObject({ status: 'rejected', reason: { message: 'not this one' } })
    expect(well.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'fulfilled'))
  })
})

test.each([
  ['answered', {}],
  ['sent again by itself', { options: '-c default_transaction_isolation=serializable' }],
])('values are converted once where reads are %s', async (_, options) => {
  const pool = await poolWith([READ], { ...world.poolOptions('nrt'), ...options })
  let conversions = 0
  const one = { toPostgres: () => String(++conversions && 1) }
  const bad = { toPostgres: () => raise(new Error(`not this one: ${++conversions}`)) }
  for (let round = 1; round <= 3; round++) {
    const reads = Array.from({ length: 20 }, () => pool.query(READ, [one]))
    for (const { rows } of await Promise.all(reads)) expect(rows).toEqual(expected(1))
    expect(conversions).toBe(21 * round - 1)
    await expect(pool.query(READ, [bad])).rejects.toThrow(`not this one: ${21 * round}`)
  }
})

describe('one that fails', () => {
  const DIVIDE = 'select n, 10 / ($1 - n) as q from numbers where n = 1'

  test('has pg’s error, and its neighbours have their rows', async () => {
    const pool = await poolWith([READ])
    for (let i = 0; i < 4; i++) await pool.query(DIVIDE, [3])
    const [failed, rows] = await Promise.all([
      pool.query(DIVIDE, [1]).catch((error: unknown) => error),
      readAll(pool, 20),
    ])
    expect(failed).toBeInstanceOf(pg.DatabaseError)
    expect(failed).toMatchObject({ code: '22012', severity: 'ERROR' })
    expect(rows).toEqual(expected(20))
  })

  test('names that the server has forgotten, or that do not fit any more, are prepared again', async () => {
    const text = 'select * from changing'
    await ask(world.url('nrt'), 'create table changing (a int); insert into changing values (1)')
    await caughtUp(world)
    const pool = await poolWith([text, READ], { max: 1 })
    const client = await pool.replica().connect()
    await client.query('deallocate all')
    client.release()
    expect(await readAll(pool, 20)).toEqual(expected(20))
    await ask(world.url('nrt'), 'alter table changing add b int default 2')
    await caughtUp(world)
    const results = await Promise.all(Array.from({ length: 10 }, () => pool.query(text)))
    for (const { rows } of results) expect(rows).toEqual([{ a: 1, b: 2 }])
  })

  test('more statements than a connection keeps are closed', async () => {
    const texts = Array.from({ length: 300 }, (_, i) => `select ${i} as i`)
    const pool = await poolWith(texts)
    for (let round = 0; round < 3; round++) {
      const results = await Promise.all(texts.map((text) => pool.query<{ i: number }>(text)))
      expect(results.map(({ rows }) => rows[0]?.i)).toEqual(texts.map((_, i) => i))
    }
    const client = await pool.replica().connect()
    const { rows } = await client.query(
      "select count(*)::int as n from pg_prepared_statements where name like 'pg_nearest_%'",
    )
    client.release()
    expect(rows[0]?.n).toBeLessThanOrEqual(256)
  })
})

describe('what must not be shared', () => {
  test('what a view hides runs where it may write, and once', async () => {
    await ask(world.url('nrt'), 'update hits set n = 0')
    const pool = await poolWith([], { ...world.poolOptions('nrt') })
    const seen: number[] = []
    for (let round = 0; round < 5; round++) {
      const results = await Promise.all(
        Array.from({ length: 4 }, () => pool.query<{ n: number }>('select n from hitting')),
      )
      seen.push(...results.map(({ rows }) => rows[0]?.n ?? 0))
    }
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
  })

  test('a function that sets a tenant lends it to nobody', async () => {
    const pool = await poolWith([READ])
    const TENANT = "select as_tenant('even'), n from numbers limit 1"
    for (let i = 0; i < 3; i++) await pool.query(TENANT)
    for (let round = 0; round < 10; round++) {
      const [rows] = await Promise.all([readAll(pool, 50), ...Array.from({ length: 10 }, () => pool.query(TENANT))])
      expect(rows).toEqual(expected(50))
    }
  })

  test('above READ COMMITTED each has a connection to itself', async () => {
    const options = { options: '-c default_transaction_isolation=serializable', max: 7 }
    const pool = await poolWith([READ], { ...world.poolOptions('nrt'), ...options })
    for (let round = 0; round < 3; round++) expect(await readAll(pool, 20)).toEqual(expected(20))
    expect(connectionsOf(pool)).toBe(7)
  })
})

describe('a limit of one’s own', () => {
  const LIMITS: readonly [what: string, options: object][] = [
    ['an option that is undefined', { name: undefined, query_timeout: undefined }],
    ['a signal', { signal: new AbortController().signal }],
    ['timeoutMs', { timeoutMs: 10_000 }],
    ['consistency', { consistency: 'eventual' }],
  ]
  test.each(LIMITS)('%s keeps nobody from sharing', async (_, options) => {
    const connections = await connectionsFor(async (pool) => {
      const reads = Array.from({ length: 20 }, () => pool.query({ text: READ, values: [1], ...options }))
      for (const { rows } of await Promise.all(reads)) expect(rows).toEqual(expected(1))
    })
    expect(connections).toBe(1)
  })

  test('a consistency is kept', async () => {
    const NOTE = 'select note from numbers where n = 2'
    const pool = await poolWith([NOTE])
    for (let i = 0; i < 10; i++) {
      // Past the pool, so that no session knows.
      await ask(world.url('nrt'), `update numbers set note = '${i}' where n = 2`)
      const reads = Array.from({ length: 10 }, () => pool.query({ text: NOTE, consistency: 'strong' }))
      for (const { rows } of await Promise.all(reads)) expect(rows).toEqual([{ note: String(i) }])
    }
  })

  test('aborting one ends it alone', async () => {
    const connections = await connectionsFor(async (pool) => {
      const abort = new AbortController()
      const early = pool.query({ text: READ, values: [2], signal: AbortSignal.abort(new Error('before')) })
      const aborted = pool.query({ text: READ, values: [1], signal: abort.signal })
      const others = readAll(pool, 20)
      // They are on their way then.
      setImmediate(() => abort.abort(new Error('enough')))
      await expect(early).rejects.toThrow('before')
      await expect(aborted).rejects.toThrow('enough')
      expect(await others).toEqual(expected(20))
    })
    expect(connections).toBe(1)
  })

  test.each([
    ['a signal', () => ({ signal: AbortSignal.timeout(200) }), { name: 'TimeoutError' }],
    ['timeoutMs', () => ({ timeoutMs: 200 }), { code: 'NEAREST_TIMEOUT' }],
  ])('%s ends one that waits for a lock, on the server, too', async (_, limit, error) => {
    const LOCKED = 'select a from locked_apart'
    const pool = await poolWith([LOCKED], world.poolOptions('nrt'))
    const locking = new pg.Client({ connectionString: world.url('nrt') })
    await locking.connect()
    try {
      await locking.query('begin; lock table locked_apart')
      await expect(pool.query({ text: LOCKED, ...limit() })).rejects.toMatchObject(error)
      await within(5_000, 'end()', pool.end())
      expect(await ask(world.url('nrt'), 'select 1 from pg_locks where not granted')).toEqual([])
    } finally {
      await locking.end()
    }
  })
})

describe('a slow one', () => {
  test('holds up nobody, even if it waits for a lock of this process’s own', async () => {
    await ask(world.url('nrt'), 'create table locked (a int)')
    const SLOW = 'select a from locked'
    const pool = await poolWith([READ, SLOW], { ...world.poolOptions('nrt'), max: 4 })
    await pool.transaction(async (tx) => {
      await tx.query('lock table locked')
      const slow = pool.query(SLOW)
      // Otherwise they would be sent ahead of it.
      await new Promise(setImmediate)
      expect(await readAll(pool, 50)).toEqual(expected(50))
      void slow.catch(() => undefined)
    })
    expect(await readAll(pool, 50)).toEqual(expected(50))
  })
})

describe('when connections are few, or die', () => {
  test('who waits for one gets it', async () => {
    const pool = await poolWith([READ], { max: 2 })
    await using reading = repeatedly(1, async () => expect(await readAll(pool, 20)).toEqual(expected(20)))
    for (let i = 0; i < 5; i++) {
      const clients = await Promise.all([pool.replica().connect(), pool.replica().connect()])
      await Promise.all(clients.map((client) => client.query('select 1')))
      for (const client of clients) client.release()
    }
    await reading.stop()
  })

  test('reads whose connections are all killed are answered', async () => {
    const pool = await poolWith([READ])
    for (let round = 0; round < 5; round++) {
      const reads = readAll(pool, 200)
      await new Promise(setImmediate)
      await administer(
        world,
        'ord',
        "select pg_terminate_backend(pid) from pg_stat_activity where usename <> current_user and backend_type = 'client backend'",
      )
      expect(await reads).toEqual(expected(200))
    }
  })

  test('end() waits for what is in flight, and closes what was shared', async () => {
    const pool = await poolWith([READ])
    const reads = readAll(pool, 100)
    await pool.end()
    expect(await reads).toEqual(expected(100))
    expect(pool.totalCount).toBe(0)
  })
})

test('a session’s reads in flight show what it wrote', async () => {
  const pool = await poolWith([])
  const NOTE = 'select note from numbers where n = 1'
  await pool.session(undefined, async () => {
    for (let i = 0; i < 30; i++) {
      await pool.query('update numbers set note = $1 where n = 1', [String(i)])
      const results = await Promise.all(Array.from({ length: 10 }, () => pool.query<{ note: string }>(NOTE)))
      expect(results.map(({ rows }) => rows[0]?.note)).toEqual(Array.from({ length: 10 }, () => String(i)))
    }
  })
  await until(() => pool.waitingCount === 0, 'nobody to wait')
})

/** What it shows, in the order in which it does, but for what time it is. */
function shownBy({ command, rowCount, oid, fields, rows }: pg.QueryResult): unknown {
  const inOrder = rows.map((row: object) =>
    Object.entries(row).map(([name, value]) => (name === 'at' ? name : [name, value])),
  )
  return { command, rowCount, oid, fields, rows: inOrder.map((row) => row.map(withoutDate)) }
}

/** In an array it has no name. */
function withoutDate(entry: unknown): unknown {
  const value: unknown = Array.isArray(entry) ? entry[1] : undefined
  return value instanceof Date || (typeof value === 'string' && /^<\d{4}-\d\d-\d\d /.test(value)) ? 'a time' : entry
}

function raise(error: Error): never {
  throw error
}
