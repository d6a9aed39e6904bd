'use strict'
/** What an app does under a tracer, which has to be there before this is loaded. */
const { createPool } = require('pg-nearest')
const Cursor = require('pg-cursor')

/** @param of - runs something below a span of its own, and returns that with what came of it. */
exports.runApp = async (options, of) => {
  const pool = createPool(options)
  await pool.replica().query('select 0')
  const answers = {
    many: await Promise.all(
      [1, 2, 3].map((n) => of(() => pool.query('select $1::int as n, current_query() as text', [n]))),
    ),
    written: await of(() => pool.query("insert into users (name) values ('Donald') returning name")),
    transaction: await of(() =>
      pool.transaction(async (tx) => {
        await tx.query('select 1 as one')
        return tx.query('select 2 as two')
      }),
    ),
    borrowed: await of(async () => {
      const client = await pool.connect()
      try {
        const cursor = client.query(new Cursor('select n from generate_series(1, 3) as n'))
        const rows = await cursor.read(10)
        await cursor.close()
        return { rows }
      } finally {
        client.release()
      }
    }),
    failed: await of(() => pool.query('select 1 / 0').catch(({ code }) => ({ rows: [{ code }] }))),
  }
  await pool.query("delete from users where name = 'Donald'")
  await pool.end()
  const rowsOf = ({ rows, span }) => ({ rows, span })
  return Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, [answer].flat().map(rowsOf)]))
}
