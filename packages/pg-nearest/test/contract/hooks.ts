import { casesOf, codeOf, countsOf, errorOf, messageOf, until, withClient } from './contract-case.ts'

export const hooks = casesOf('options', [
  [
    'onConnect is called for each new connection, and not again',
    1,
    async ({ pool }) => {
      let calls = 0
      const all = pool({ max: 1, onConnect: () => void calls++ })
      await all.query('select 1')
      await withClient(all, async () => undefined)
      return calls
    },
  ],
  [
    'onConnect gets the client that is lent',
    true,
    async ({ pool }) => {
      let seen: unknown
      const all = pool({ onConnect: (client) => void (seen = client) })
      return withClient(all, async (client) => client === seen)
    },
  ],
  [
    'what onConnect asks is awaited',
    'by onConnect',
    async ({ pool }) => {
      const all = pool({ onConnect: (client) => client.query("set application_name = 'by onConnect'") })
      return (await all.query("select current_setting('application_name') as name")).rows[0].name
    },
  ],
  [
    'the error of onConnect reaches the caller',
    'no, says the hook',
    ({ pool }) =>
      messageOf(
        pool({
          onConnect: () => {
            throw new Error('no, says the hook')
          },
        }).connect(),
      ),
  ],
  [
    'the error of onConnect reaches the caller of query',
    'no, says the hook',
    ({ pool }) =>
      messageOf(pool({ onConnect: () => Promise.reject(new Error('no, says the hook')) }).query('select 1')),
  ],
  [
    'a statement’s error in onConnect, too',
    '42601',
    ({ pool }) => codeOf(pool({ onConnect: (client) => client.query('selekt') }).connect()),
  ],
  [
    'onConnect may succeed later',
    [[0, 0, 0], [{ n: 1 }]],
    async ({ pool }) => {
      let fails = 3
      const all = pool({
        onConnect: () => {
          if (fails-- > 0) throw new Error('not yet')
        },
      })
      for (let n = 0; n < 3; n++) await errorOf(all.connect())
      await until(() => all.totalCount === 0)
      return [countsOf(all), (await all.query('select 1 as n')).rows]
    },
  ],
  [
    'verify lets a client pass',
    [{ n: 1 }],
    async ({ pool }) => (await pool({ verify: (_client, done) => done() }).query('select 1 as n')).rows,
  ],
  [
    'the error of verify reaches the caller',
    'unfit',
    ({ pool }) => messageOf(pool({ verify: (_client, done) => done(new Error('unfit')) }).connect()),
  ],
  [
    'verify gets the client that is lent',
    true,
    async ({ pool }) => {
      let seen: unknown
      const all = pool({
        verify: (client, done) => {
          seen = client
          done()
        },
      })
      return withClient(all, async (client) => client === seen)
    },
  ],
  [
    'log is told',
    true,
    async ({ pool }) => {
      const told: unknown[] = []
      await pool({ log: (message) => told.push(message) }).query('select 1')
      return told.length > 0
    },
  ],
  [
    'log is told of a connection whose uses are over',
    true,
    async ({ pool }) => {
      const told: unknown[] = []
      const all = pool({ maxUses: 1, log: (message) => told.push(message) })
      await withClient(all, async () => undefined)
      return told.includes('remove expended client')
    },
  ],
  [
    'Promise',
    [true, true, true, true],
    async ({ pool }) => {
      class Own<T> extends Promise<T> {}
      const all = pool({ Promise: Own })
      const asked = all.query('select 1')
      const failed = all.query('selekt')
      const lent = all.connect()
      const [, client] = await Promise.all([asked, lent, failed.catch(() => undefined)])
      client.release()
      const ended = all.end()
      await ended
      return [asked, failed, lent, ended].map((each) => each instanceof Own)
    },
  ],
])
