import { once } from 'node:events'
import { casesOf, errorOf, eventsOf, processOf, until, withClient } from './contract-case.ts'

export const events = casesOf('events', [
  [
    'of a statement',
    ['connect', 'acquire', 'release'],
    async ({ pool }) => {
      const all = pool()
      const heard = eventsOf(all)
      await all.query('select 1')
      return heard
    },
  ],
  [
    'of a second statement',
    ['acquire', 'release'],
    async ({ pool }) => {
      const all = pool()
      await all.query('select 1')
      const heard = eventsOf(all)
      await all.query('select 1')
      return heard
    },
  ],
  [
    'of a borrowed client, which has run nothing yet',
    [
      ['connect', 'acquire'],
      ['connect', 'acquire', 'release'],
    ],
    async ({ pool }) => {
      const all = pool()
      const heard = eventsOf(all)
      const client = await all.connect()
      const before = [...heard]
      client.release()
      return [before, heard]
    },
  ],
  [
    'connect comes before the client is lent',
    [true, true],
    async ({ pool }) => {
      const all = pool()
      const connected: unknown[] = []
      all.on('connect', (client) => connected.push(client))
      return withClient(all, async (client) => [connected.length === 1, connected[0] === client])
    },
  ],
  [
    'acquire and release tell the client that is lent',
    [true, true],
    async ({ pool }) => {
      const all = pool()
      const told: unknown[] = []
      all.on('acquire', (client) => told.push(client))
      all.on('release', (_error, client) => told.push(client))
      const lent = await withClient(all, async (client) => client)
      return told.map((client) => client === lent)
    },
  ],
  [
    'release tells the error',
    true,
    async ({ pool }) => {
      const all = pool()
      const error = new Error('mine')
      const told = once(all, 'release')
      ;(await all.connect()).release(error)
      return (await told)[0] === error
    },
  ],
  [
    'release tells no error when there is none',
    false,
    async ({ pool }) => {
      const all = pool()
      const told = once(all, 'release')
      ;(await all.connect()).release()
      return (await told)[0] instanceof Error
    },
  ],
  [
    'of a client that is released with an error',
    ['connect', 'acquire', 'release', 'remove'],
    async ({ pool }) => {
      const all = pool()
      const heard = eventsOf(all)
      const removed = once(all, 'remove')
      ;(await all.connect()).release(true)
      await removed
      return heard
    },
  ],
  [
    'remove tells the client',
    true,
    async ({ pool }) => {
      const all = pool()
      const removed = once(all, 'remove')
      const client = await all.connect()
      client.release(true)
      return (await removed)[0] === client
    },
  ],
  [
    'acquire and release come as often as clients are lent and statements run',
    [20, 20],
    async ({ pool }) => {
      const all = pool()
      const heard = eventsOf(all)
      await Promise.all(
        Array.from({ length: 10 }, () => [all.query('select 1'), withClient(all, async () => undefined)]).flat(),
      )
      return ['acquire', 'release'].map((name) => heard.filter((each) => each === name).length)
    },
  ],
  [
    'no connect when there is no connection',
    [],
    async ({ pool }) => {
      const all = pool({}, 'postgres://nobody@127.0.0.1:1/nothing')
      const heard = eventsOf(all)
      await errorOf(all.connect())
      return heard
    },
  ],
  [
    'what connect sets is there for the first user',
    'by connect',
    async ({ pool }) => {
      const all = pool()
      all.on('connect', (client) => void client.query("set application_name = 'by connect'"))
      return withClient(all, async (client) => (await client.query('show application_name')).rows[0].application_name)
    },
  ],
  [
    'what connect sets is there for statements',
    'by connect',
    async ({ pool }) => {
      const all = pool({ max: 1 })
      all.on('connect', (client) => void client.query("set application_name = 'by connect'"))
      await all.query('select 1')
      return (await all.query("select current_setting('application_name') as name")).rows[0].name
    },
  ],
  [
    'what acquire sets is there for the user',
    'by acquire',
    async ({ pool }) => {
      const all = pool()
      all.on('acquire', (client) => void client.query("set application_name = 'by acquire'"))
      return withClient(all, async (client) => (await client.query('show application_name')).rows[0].application_name)
    },
  ],
  [
    'an idle connection that is terminated is told as an error, with its client',
    ['57P01', true, 0],
    async ({ pool }) => {
      const all = pool()
      const client = await all.connect()
      const told = once(all, 'error').catch((error: unknown) => [error, undefined])
      all.on('error', () => undefined)
      const other = await all.connect()
      client.release()
      const heard = new Promise<[{ code: string }, unknown]>((resolve) =>
        all.once('error', (error, of) => resolve([error as unknown as { code: string }, of])),
      )
      await other.query('select pg_terminate_backend($1)', [processOf(client)])
      const [error, of] = await heard
      await told
      other.release(true)
      await until(() => all.totalCount === 0)
      return [error.code, of === client, all.totalCount]
    },
  ],
])

export const errorEvents = casesOf('events', [
  [
    'the error of an idle connection has its client',
    true,
    async ({ pool }) => {
      const all = pool()
      const [client, other] = await Promise.all([all.connect(), all.connect()])
      client.release()
      const heard = new Promise<Error>((resolve) => all.once('error', resolve))
      await other.query('select pg_terminate_backend($1)', [processOf(client)])
      other.release()
      return 'client' in (await heard)
    },
  ],
])
