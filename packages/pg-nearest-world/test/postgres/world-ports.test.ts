import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startWorld, type World } from 'pg-nearest-world'
import { ask, until } from './world-support.ts'

const first = randomInt(140, 160) * 100
let world: World
beforeAll(async () => {
  world = await startWorld({
    primary: 'nrt',
    replicas: ['ord', 'syd'],
    rtt: 10,
    ports: first,
    settings: { max_connections: '20' },
  })
})
afterAll(() => world.stop())

const portOf = (url: string): number => Number(new URL(url).port)

test('fixed ports are those that were asked for, in the order of the regions, and another world cannot have them', async () => {
  expect(['nrt', 'ord', 'syd'].map((region) => portOf(world.url(region)))).toEqual([first, first + 1, first + 2])
  const links = ['nrt', 'syd'].map((region) => portOf(world.url(region, { from: 'ord' })))
  expect(links.every((port) => port >= first + 100 && port < first + 106)).toBe(true)
  await expect(startWorld({ primary: 'ams', ports: first })).rejects.toMatchObject({
    code: 'WORLD_SERVER_FAILED',
    message: `Port ${first} is in use: name another one as the first of the ports.`,
  })
})

test('fewer connections than PostgreSQL has by itself are no fault of the replicas', async () => {
  for (const region of ['nrt', 'ord', 'syd'])
    expect(await ask(world.url(region), `select current_setting('max_connections') as value`)).toBe('20')
})

test('a promotion does not wait for a replica that is paused, which follows once it is not', async () => {
  await ask(world.url('nrt'), 'create table kept (n int)')
  await until(async () => (await ask(world.url('ord'), `select to_regclass('kept')::text as value`)) === 'kept')
  await world.pauseReplay('ord')
  await world.promote('syd')
  expect(world.primary).toBe('syd')
  await ask(world.url('syd'), 'insert into kept values (7)')
  expect(await ask(world.url('ord'), 'select count(*)::int as value from kept')).toBe(0)
  await world.resumeReplay('ord')
  await until(async () => (await ask(world.url('ord'), 'select count(*)::int as value from kept')) === 1)
})
