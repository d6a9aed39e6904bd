import { EventEmitter } from 'node:events'
import pg from 'pg'
import { casesOf, codeOf, processOf, until, untilAsleep, withClient } from './contract-case.ts'

export const poolFaces = casesOf('pool', [
  ['is a pg.Pool', true, ({ pool }) => pool() instanceof pg.Pool],
  ['is an EventEmitter', true, ({ pool }) => pool() instanceof EventEmitter],
  ['its class is called BoundPool', 'BoundPool', ({ pool }) => pool().constructor.name],
  [
    'what it can do',
    ['connect', 'query', 'end', 'on', 'once', 'off', 'emit'].map(() => 'function'),
    ({ pool }) => {
      const all = pool() as unknown as Record<string, unknown>
      return ['connect', 'query', 'end', 'on', 'once', 'off', 'emit'].map((name) => typeof all[name])
    },
  ],
  [
    'it is not ending',
    [false, false],
    ({ pool }) => {
      const all = pool()
      return [all.ending, all.ended]
    },
  ],
  [
    'its Client, made with its options, reaches the server',
    true,
    async ({ pool }) => {
      const all = pool() as pg.Pool & { Client: typeof pg.Client }
      const mine = (await all.query('select pg_postmaster_start_time()::text as at')).rows[0].at
      const client = new all.Client(all.options)
      await client.connect()
      const its = (await client.query('select pg_postmaster_start_time()::text as at')).rows[0].at
      await client.end()
      return its === mine
    },
  ],
  [
    'its Client cancels what a client runs',
    '57014',
    async ({ pool }) => {
      const all = pool() as pg.Pool & { Client: typeof pg.Client }
      return withClient(all, async (lent) => {
        const code = codeOf(
          lent.query("insert into contract select 700 + n, 'no' from generate_series(1, 2) n, pg_sleep(30)"),
        )
        const client = new all.Client(all.options)
        await client.connect()
        // With several servers the statement takes the connection.
        await until(() => processOf(lent) > 0)
        await untilAsleep(all, processOf(lent))
        await client.query('select pg_cancel_backend($1)', [processOf(lent)])
        await client.end()
        return code
      })
    },
  ],
  [
    'its Client is a pg.Client',
    true,
    ({ pool }) => {
      const all = pool() as pg.Pool & { Client: typeof pg.Client }
      return new all.Client(all.options) instanceof pg.Client
    },
  ],
  ['BEGIN by query()', 'BEGIN', async ({ pool }) => (await pool().query('begin')).command],
  [
    'BEGIN and ROLLBACK by query() with max: 1',
    [{ n: 0 }],
    async ({ pool }) => {
      const all = pool({ max: 1 })
      await all.query('delete from contract where id = 60')
      await all.query('begin')
      await all.query("insert into contract values (60, 'x')")
      await all.query('rollback')
      return (await all.query('select count(*)::int as n from contract where id = 60')).rows
    },
  ],
  [
    'BEGIN by query() with max: 1, and a client in it',
    [[{ n: 1 }], [{ n: 0 }]],
    async ({ pool }) => {
      const all = pool({ max: 1 })
      await all.query('delete from contract where id = 61')
      await all.query('begin')
      await all.query("insert into contract values (61, 'x')")
      const count = 'select count(*)::int as n from contract where id = 61'
      const inside = await withClient(all, async (client) => (await client.query(count)).rows)
      await all.query('rollback')
      return [inside, (await all.query(count)).rows]
    },
  ],
  [
    'BEGIN and COMMIT by query() with max: 1',
    [{ n: 1 }],
    async ({ pool }) => {
      const all = pool({ max: 1 })
      await all.query('delete from contract where id = 62')
      await all.query('begin')
      await all.query("insert into contract values (62, 'x')")
      await all.query('commit')
      return (await all.query('select count(*)::int as n from contract where id = 62')).rows
    },
  ],
])
