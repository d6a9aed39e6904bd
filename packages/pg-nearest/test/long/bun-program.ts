/** What a program on Bun does with the pool. Prints the name of each check that has held; ends with an error at the first that has not. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import Cursor from 'pg-cursor'
import { createPool, isNearestError, type NearestPoolOptions } from 'pg-nearest'
import { withSession } from 'pg-nearest/http'

interface Bun {
  serve(options: { port: number; fetch: (request: Request) => Promise<Response> }): {
    readonly port: number
    stop(now: boolean): Promise<void>
  }
}

const options = JSON.parse(process.env.POOL ?? '{}') as NearestPoolOptions & { replicas: { ord: string } }
const pool = createPool(options)
pool.on('error', () => undefined)
await pool.refresh()
const bun = (globalThis as typeof globalThis & { readonly Bun?: Bun }).Bun
assert.ok(bun, 'This is for Bun')

async function notes(of: Pick<typeof pool, 'query'> = pool): Promise<string[]> {
  const { rows } = await of.query<{ note: string }>('select note from notes order by note')
  return rows.map(({ note }) => note)
}

const checks: Readonly<Record<string, () => Promise<void>>> = {
  'reads are near, and writes on the primary': async () => {
    const { servedBy: writer } = await pool.query('create table notes (note text)')
    const { servedBy: reader } = await pool.query('select 1')
    assert.deepEqual([writer.server, reader.server], ['nrt', 'ord'])
  },
  'a session sees its own writes, behind timers too, and so does the next with its bookmark': async () => {
    const bookmark = await pool.session(undefined, async () => {
      await pool.query("insert into notes values ('first')")
      const position = pool.bookmark()
      await sleep(5)
      assert.deepEqual(await notes(), ['first'])
      return position
    })
    assert.ok(bookmark)
    assert.deepEqual(await pool.session(bookmark, () => notes()), ['first'])
  },
  'transactions commit and roll back, and read-only ones run on the replica': async () => {
    await pool.transaction(async (tx) => void (await tx.query("insert into notes values ('second')")))
    const failed = pool.transaction(async (tx) => {
      await tx.query("insert into notes values ('third')")
      throw new Error('no')
    })
    await assert.rejects(failed, /no/)
    assert.deepEqual(await pool.transaction({ readOnly: true }, (tx) => notes(tx)), ['first', 'second'])
  },
  'a handle that only reads refuses to write': async () => {
    await assert.rejects(pool.replica().query("insert into notes values ('x')"), isNearestError)
  },
  'borrowed clients, and cursors on them': async () => {
    const client = await pool.connect()
    await client.query('begin')
    await client.query("insert into notes values ('fourth')")
    await client.query('rollback')
    const cursor = client.query(new Cursor<{ n: number }>('select n from generate_series(1, 10) as n'))
    assert.equal((await cursor.read(4)).length, 4)
    await cursor.close()
    client.release()
  },
  'signals and limits end what takes long': async () => {
    await assert.rejects(pool.query({ text: 'select pg_sleep(5)', signal: AbortSignal.timeout(50) }))
    await assert.rejects(pool.query({ text: 'select pg_sleep(5)', timeoutMs: 50 }), isNearestError)
  },
  'many reads share few connections': async () => {
    for (let i = 0; i < 20; i++) {
      const read = await Promise.all(Array.from({ length: 100 }, () => notes()))
      assert.deepEqual(new Set(read.map(String)), new Set(['first,second']))
    }
  },
  'reads go on when all connections to their server die': async () => {
    const killer = new pg.Client(options.replicas.ord)
    await killer.connect()
    const reads = Array.from({ length: 100 }, () => notes())
    await killer.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and pid <> pg_backend_pid()',
    )
    for (const read of await Promise.all(reads)) assert.deepEqual(read, ['first', 'second'])
    await killer.end()
  },
  'Bun.serve gives each client a session, by a cookie': async () => {
    const handle = withSession(pool, async (request) => {
      if (request.method === 'POST') await pool.query("insert into notes values ('served')")
      return Response.json(await notes())
    })
    const server = bun.serve({ port: 0, fetch: async (request) => handle(request) })
    const url = `http://127.0.0.1:${server.port}/`
    const posted = await fetch(url, { method: 'POST' })
    const [cookie = ''] = (posted.headers.get('set-cookie') ?? '').split(';')
    const got = await fetch(url, { headers: { cookie } })
    assert.deepEqual(await got.json(), ['first', 'second', 'served'])
    await server.stop(true)
  },
  'end() settles': async () => {
    await pool.query('drop table notes')
    await pool.end()
  },
}

for (const [name, check] of Object.entries(checks)) {
  await check()
  console.log(name)
}
process.exit(0)
