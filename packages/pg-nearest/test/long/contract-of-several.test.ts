import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll } from 'vitest'
import { createPool, type NearestPool } from '../../src/index.ts'
import { describeContract, listedDifferences } from '../contract/contract-suite.ts'
import { ask, caughtUp } from '../postgres/fixtures.ts'

/** The cases of `postgres/contract` in the region of a replica. */
let world: World
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord'], rtt: 2 })
  await ask(world.url('nrt'), 'create table contract (id int primary key, name text)')
  await caughtUp(world)
})
afterAll(() => world?.stop())

describeContract({
  name: 'several servers',
  url: () => world.url('nrt'),
  make: (primary, options) =>
    createPool(primary === world.url('nrt') ? { ...world.poolOptions('ord'), ...options } : { primary, ...options }),
  end: (pool) => (pool as NearestPool).destroy(),
  differs: listedDifferences('several'),
})
