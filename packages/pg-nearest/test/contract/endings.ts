import { setTimeout as sleep } from 'node:timers/promises'
import { casesOf, countsOf, errorOf, eventsOf, messageOf, until } from './contract-case.ts'

export const endings = casesOf('end', [
  [
    'of a pool that was not used',
    [true, true],
    async ({ pool }) => {
      const all = pool()
      await all.end()
      return [all.ending, all.ended]
    },
  ],
  [
    'closes idle connections',
    [0, 0, 0],
    async ({ pool }) => {
      const all = pool()
      await all.query('select 1')
      await all.end()
      return countsOf(all)
    },
  ],
  [
    'calls back',
    undefined,
    async ({ pool }) => {
      const all = pool()
      await all.query('select 1')
      return new Promise((resolve) => void all.end(() => resolve(undefined)))
    },
  ],
  [
    'with a callback there is no promise',
    undefined,
    async ({ pool }) => {
      const all = pool()
      let returned: unknown = 'nothing yet'
      await new Promise<void>((resolve) => {
        returned = all.end(() => resolve())
      })
      return returned
    },
  ],
  [
    'waits for a lent client',
    [false, true],
    async ({ pool }) => {
      const all = pool()
      const client = await all.connect()
      let over = false
      const ended = all.end().then(() => (over = true))
      await sleep(20)
      const before = over
      client.release()
      await ended
      return [before, over]
    },
  ],
  [
    'waits for a statement',
    [{ n: 1 }],
    async ({ pool }) => {
      const all = pool()
      await all.query('select 1')
      const result = all.query('select 1 as n, pg_sleep(0.03)')
      await sleep(10)
      await all.end()
      return [{ n: (await result).rows[0].n }]
    },
  ],
  [
    'twice is an error',
    'Called end on pool more than once',
    async ({ pool }) => {
      const all = pool()
      await all.end()
      return messageOf(all.end())
    },
  ],
  [
    'connect() afterwards is an error',
    true,
    async ({ pool }) => {
      const all = pool()
      await all.end()
      return (await errorOf(all.connect())) instanceof Error
    },
  ],
  [
    'query() afterwards is an error',
    true,
    async ({ pool }) => {
      const all = pool()
      await all.end()
      return (await errorOf(all.query('select 1'))) instanceof Error
    },
  ],
  [
    'connect() with a callback afterwards gets an error',
    true,
    async ({ pool }) => {
      const all = pool()
      await all.end()
      return new Promise((resolve) => all.connect((error) => resolve(error instanceof Error)))
    },
  ],
  [
    'a client that is lent still works',
    [{ n: 1 }],
    async ({ pool }) => {
      const all = pool()
      const client = await all.connect()
      const ended = all.end()
      const { rows } = await client.query('select 1 as n')
      client.release()
      await ended
      return rows
    },
  ],
  [
    'the events of the end',
    ['remove', 'remove'],
    async ({ pool }) => {
      const all = pool()
      const clients = await Promise.all([all.connect(), all.connect()])
      for (const client of clients) client.release()
      const heard = eventsOf(all)
      await all.end()
      await until(() => heard.length === 2)
      return heard
    },
  ],
])
