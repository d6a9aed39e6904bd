import type pg from 'pg'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool, type NearestPool, type Session } from '../../src/index.ts'
import { ask } from './fixtures.ts'
import { rejectionOf, settled } from './settling.ts'

let world: World
let pool: NearestPool
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 2 })
  await ask(world.url('nrt'), 'create table notes (name text not null)')
})
afterAll(() => world.stop())
beforeEach(async () => {
  pool = createPool({ ...world.poolOptions('ord'), max: 1 })
  await pool.refresh()
})
afterEach(() => pool.destroy())

/** What a parser may throw: its own mistake, or what looks like a server's word or a dead socket. */
const THROWN: readonly [string, object][] = [
  ['a mistake of its own', {}],
  ['what a prepared statement that is gone says', { code: '26000' }],
  ['what a standby says', { code: '25006', routine: 'PreventCommandDuringRecovery' }],
  ['what a dead socket says', { code: 'ECONNRESET' }],
  ['what a server that shuts down says', { code: '57P01', severity: 'FATAL' }],
]

function unreadable(text: string, thrown: Error, name?: string): pg.QueryConfig {
  const parser = (): never => {
    throw thrown
  }
  const config = { text, types: { getTypeParser: () => parser } as unknown as pg.CustomTypesConfig }
  return name === undefined ? config : { ...config, name }
}

async function rowsOf(name: string): Promise<number> {
  return (await ask(world.url('nrt'), `select from notes where name = '${name}'`)).length
}

describe.each(THROWN)('a type parser that throws %s', (_, properties) => {
  const thrown = Object.assign(new Error('the parser has thrown'), properties)
  const insert = (name: string): pg.QueryConfig =>
    unreadable(`insert into notes values ('${name}') returning name`, thrown)

  test('is told as it is, and the row is there once', async () => {
    const name = `pool ${JSON.stringify(properties)}`
    expect(await rejectionOf(pool.query(insert(name)), 'the query')).toBe(thrown)
    expect(await rowsOf(name)).toBe(1)
    expect((await pool.query<{ n: number }>('select 1 as n')).rows).toEqual([{ n: 1 }])
  })

  test('is told as it is on a borrowed client, which goes on', async () => {
    const name = `client ${JSON.stringify(properties)}`
    const client = await pool.connect()
    expect(await rejectionOf(client.query(insert(name)), 'the query')).toBe(thrown)
    expect(await rowsOf(name)).toBe(1)
    const seen = await client.query<{ n: number }>(`select count(*)::int as n from notes where name = '${name}'`)
    expect(seen.rows).toEqual([{ n: 1 }])
    client.release()
  })

  test('leaves a transaction open, whose COMMIT commits', async () => {
    const name = `transaction ${JSON.stringify(properties)}`
    const client = await pool.connect()
    await client.query('begin')
    expect(await rejectionOf(client.query(insert(name)), 'the query')).toBe(thrown)
    expect(client.getTransactionStatus()).toBe('T')
    expect(await rejectionOf(client.query(insert(name)), 'the query')).toBe(thrown)
    expect((await client.query('commit')).command).toBe('COMMIT')
    client.release()
    expect(await rowsOf(name)).toBe(2)
  })

  test('rolls back what runs in pool.transaction', async () => {
    const name = `work ${JSON.stringify(properties)}`
    const work = pool.transaction((client) => client.query(insert(name)))
    expect(await rejectionOf(work, 'the transaction')).toBe(thrown)
    expect(await rowsOf(name)).toBe(0)
  })

  test('is told of a read that a replica answers, which is asked once', async () => {
    const servers: (string | undefined)[] = []
    pool.on('query', ({ servedBy }) => servers.push(servedBy?.server))
    expect(await rejectionOf(pool.query(unreadable("select 'x' as name", thrown)), 'the query')).toBe(thrown)
    expect(await rejectionOf(pool.replica().query(unreadable("select 'x' as name", thrown)), 'the query')).toBe(thrown)
    expect(servers).toEqual([undefined, undefined])
  })

  describe('in a session, whose read on a replica asks for the position as well', () => {
    const read = unreadable("select 'x' as name", thrown)
    let session: Session
    beforeEach(async () => {
      session = pool.session()
      await session.query('select 1')
    })
    afterEach(() => settled(pool.end(), 'end()'))

    test('is told as it is', async () => {
      expect(await rejectionOf(session.query(read), 'the query')).toBe(thrown)
      const { rows, servedBy } = await session.query('select 1 as n')
      expect(rows).toEqual([{ n: 1 }])
      expect(servedBy.server).toBe('ord')
    })

    test('is told as it is on a borrowed client, which goes on', async () => {
      const client = await session.connect()
      expect(await rejectionOf(client.query(read), 'the query')).toBe(thrown)
      expect((await settled(client.query('select 1 as n'), 'the next')).rows).toEqual([{ n: 1 }])
      client.release()
    })

    test('is told as it is in a read-only transaction', async () => {
      const work = session.transaction({ readOnly: true }, (tx) => tx.query(read))
      expect(await rejectionOf(work, 'the transaction')).toBe(thrown)
    })
  })

  test('is told of a prepared statement, too', async () => {
    const name = `named ${JSON.stringify(properties)}`
    const text = `insert into notes values ('${name}') returning name`
    expect(await rejectionOf(pool.query(unreadable(text, thrown, 'named')), 'the query')).toBe(thrown)
    expect(await rejectionOf(pool.query(unreadable(text, thrown, 'named')), 'the query')).toBe(thrown)
    expect(await rowsOf(name)).toBe(2)
  })
})

describe('types whose getTypeParser throws, for a type that they do not know', () => {
  const thrown = new Error('no such type')
  const types = {
    getTypeParser: () => {
      throw thrown
    },
  } as unknown as pg.CustomTypesConfig

  test('are told as a parser that throws, and end neither the connection nor the process', async () => {
    const insert = { text: "insert into notes values ('unknown type') returning name", types }
    expect(await rejectionOf(pool.query(insert), 'the query')).toBe(thrown)
    expect(await rowsOf('unknown type')).toBe(1)
    const client = await pool.connect()
    await client.query('begin')
    expect(await rejectionOf(client.query(insert), 'the query in a transaction')).toBe(thrown)
    expect((await settled(client.query('commit'), 'its COMMIT')).command).toBe('COMMIT')
    client.release()
    expect(await rowsOf('unknown type')).toBe(2)
  })
})

describe.each(['toPostgres', 'toJSON'])('a value whose %s queries', (converter) => {
  const seven = { text: 'select $1::int as n, $2::text as t', values: [7, 'inner'] }
  const thrown = new Error('the value has thrown')
  const outer = (
    inner: () => Promise<pg.QueryResult>,
    results: Promise<pg.QueryResult>[],
    fails = false,
  ): pg.QueryConfig => {
    const value = {
      [converter]: () => {
        results.push(inner())
        if (fails) throw thrown
        return 'x'
      },
    }
    return { text: 'select $1::text as v, $2::text as t', values: [value, 'outer'] }
  }
  const x = converter === 'toJSON' ? '"x"' : 'x'

  test('the pool', async () => {
    const both = createPool(world.poolOptions('ord'))
    await Promise.all([both.query('select 1'), both.query('select 1')])
    const inner: Promise<pg.QueryResult>[] = []
    const { rows } = await settled(both.query(outer(() => both.query(seven), inner)), 'the outer query')
    expect(rows).toEqual([{ v: x, t: 'outer' }])
    expect((await settled(inner[0] ?? Promise.reject(new Error('It never ran')), 'the inner query')).rows).toEqual([
      { n: 7, t: 'inner' },
    ])
    await both.end()
  })

  test('the pool, and then throws', async () => {
    const both = createPool(world.poolOptions('ord'))
    await Promise.all([both.query('select 1'), both.query('select 1')])
    const inner: Promise<pg.QueryResult>[] = []
    const failing = both.query(outer(() => both.query(seven), inner, true))
    expect(await rejectionOf(failing, 'the outer query')).toBe(thrown)
    const results = await settled(Promise.all(inner), 'the inner query')
    expect(results.map(({ rows }) => rows)).toEqual([[{ n: 7, t: 'inner' }]])
    await both.end()
  })

  test.each(['begin', 'begin read only'])('its own client, behind %s', async (begin) => {
    const client = await pool.connect()
    void client.query(begin)
    const inner: Promise<pg.QueryResult>[] = []
    const { rows } = await settled(client.query(outer(() => client.query(seven), inner)), 'the outer query')
    expect(rows).toEqual([{ v: x, t: 'outer' }])
    expect((await settled(inner[0] ?? Promise.reject(new Error('It never ran')), 'the inner query')).rows).toEqual([
      { n: 7, t: 'inner' },
    ])
    await client.query('commit')
    client.release()
  })
})
