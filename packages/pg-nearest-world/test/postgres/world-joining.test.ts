import { expect, test } from 'vitest'
import { startWorld } from 'pg-nearest-world'
import { ask, open, until } from './world-support.ts'

test('a region joins while the world runs and writes go on', async () => {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord', 'ams'], rtt: 20 })
  await ask(world.url('nrt'), 'create table kept as select 1 as n')
  const client = await open(world.url('nrt'))
  let writing = true
  let n = 1
  const writer = (async () => {
    while (writing) await client.query('insert into kept values ($1)', [++n])
  })()
  const start = performance.now()
  await world.addRegion('fra')
  const taken = performance.now() - start
  writing = false
  await writer
  await client.end()
  expect(taken).toBeLessThan(3_000)
  expect(n).toBeGreaterThan(5)
  await until(async () => (await ask<number>(world.url('fra'), 'select count(*)::int as value from kept')) === n)
  expect(world.rtt('fra', 'ord')).toBe(20)
  expect(world.regions).toEqual(['nrt', 'ord', 'ams', 'fra'])
  expect(Object.keys(world.poolOptions('fra').replicas)).toEqual(['ord', 'ams', 'fra'])
  await world.promote('fra')
  await ask(world.url('fra'), 'delete from kept where n > 1')
  const all = "select string_agg(n::text, ',') as value from kept"
  for (const region of ['nrt', 'ord', 'ams']) await until(async () => (await ask(world.url(region), all)) === '1')
})
