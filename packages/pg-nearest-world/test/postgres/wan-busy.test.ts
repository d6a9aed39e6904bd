import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWorld, type World } from 'pg-nearest-world'
import { expectTimes, open, roundTrips } from './world-support.ts'

const CALLERS = 50

let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
})
afterAll(() => world.stop())

/** Queries without end on connections of their own, a moment's rest after each. */
async function keepBusy(url: string): Promise<() => Promise<number>> {
  const clients = await Promise.all(Array.from({ length: CALLERS }, () => open(url)))
  let on = true
  const count = async (client: Client): Promise<number> => {
    let queries = 0
    for (; on; queries++) {
      await client.query('select n from generate_series(1, 20) n')
      await sleep(20)
    }
    return queries
  }
  const counting = Promise.all(clients.map(count))
  return async () => {
    on = false
    const counts = await counting
    await Promise.all(clients.map((client) => client.end()))
    return counts.reduce((sum, each) => sum + each, 0)
  }
}

test.each([
  ['over the same link', 'ord'],
  ['next door', 'nrt'],
])('a distance holds while 50 other connections of the process query %s', async (_where, from) => {
  const client = await open(world.url('nrt', { from: 'ord' }))
  const rest = await keepBusy(world.url('nrt', { from }))
  const taken = await roundTrips(client, 15)
  // Every caller has had its turn, several times over.
  expect(await rest()).toBeGreaterThan(CALLERS * 5)
  await client.end()
  expectTimes(taken, 128)
})
