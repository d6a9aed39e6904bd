import { setTimeout as sleep } from 'node:timers/promises'
import { casesOf, countsOf, errorOf, withClient } from './contract-case.ts'

export const counts = casesOf('counts', [
  ['of a new pool', [0, 0, 0], ({ pool }) => countsOf(pool())],
  [
    'while a statement waits for its connection',
    [1, 0, 0],
    async ({ pool }) => {
      const all = pool()
      const result = all.query('select 1')
      const seen = countsOf(all)
      await result
      return seen
    },
  ],
  [
    'after a statement',
    [1, 1, 0],
    async ({ pool }) => {
      const all = pool()
      await all.query('select 1')
      return countsOf(all)
    },
  ],
  [
    'while a client is lent',
    [1, 0, 0],
    async ({ pool }) => {
      const all = pool()
      return withClient(all, async () => countsOf(all))
    },
  ],
  [
    'while others wait',
    [2, 0, 3],
    async ({ pool }) => {
      const all = pool({ max: 2 })
      const [one, two] = await Promise.all([all.connect(), all.connect()])
      const waiting = [1, 2, 3].map(() => withClient(all, async () => undefined))
      await sleep(10)
      const seen = countsOf(all)
      one.release()
      two.release()
      await Promise.all(waiting)
      return seen
    },
  ],
  [
    'never more than max',
    3,
    async ({ pool }) => {
      const all = pool({ max: 3 })
      await Promise.all(Array.from({ length: 20 }, () => all.query('select pg_sleep(0.005)')))
      return all.totalCount
    },
  ],
  [
    'ten by default',
    [10, 10],
    async ({ pool }) => {
      const all = pool()
      await Promise.all(
        Array.from({ length: 30 }, () => withClient(all, (client) => client.query('select pg_sleep(0.005)'))),
      )
      return [all.totalCount, all.options.max]
    },
  ],
  [
    'none has expired',
    0,
    async ({ pool }) => {
      const all = pool()
      await all.query('select 1')
      return all.expiredCount
    },
  ],
  [
    'after no connection could be made',
    [0, 0, 0],
    async ({ pool }) => {
      const all = pool({}, 'postgres://nobody@127.0.0.1:1/nothing')
      await errorOf(all.query('select 1'))
      await errorOf(all.connect())
      return countsOf(all)
    },
  ],
  [
    'a statement that fails in the middle of many',
    [{ n: 1 }],
    async ({ pool }) => {
      const all = pool()
      await Promise.all(Array.from({ length: 30 }, () => errorOf(all.query('selekt'))))
      return (await all.query('select 1 as n')).rows
    },
  ],
])
