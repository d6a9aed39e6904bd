import { setTimeout as sleep } from 'node:timers/promises'
import { startWorld, type World } from 'pg-nearest-world'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { NearestPool } from '../../src/index.ts'
import { ask, caughtUp, until } from '../postgres/fixtures.ts'
import { redisServer } from '../postgres/redis-rig.ts'
import { replayLate } from '../postgres/replay-late.ts'
import { TestPools } from '../postgres/test-pools.ts'
import { inParallel } from './in-parallel.ts'
import { bullQueue, graphileWorkerQueue, pgBossQueue, type JobQueue, type JobQueueOptions } from './job-queues.ts'

const JOBS = 1_000
const JOBS_WITHOUT_BOOKMARK = 100
const LATE_MS = 300
/** Few, so that jobs of a quick queue are run while the replica lacks their rows. */
const ENQUEUERS = 5

let world: World
let here: NearestPool
let there: NearestPool
const pools = new TestPools()
beforeAll(async () => {
  world = await startWorld({ primary: 'nrt', replicas: ['ord', 'syd'], rtt: 20 })
  await ask(world.url('nrt'), 'create table users (id int generated always as identity primary key)')
  await caughtUp(world)
  here = await pools.start(world.poolOptions('ord'))
  there = await pools.start(world.poolOptions('syd'))
  // graphile-worker remarks on a pool where nobody listens.
  for (const pool of [here, there]) pool.on('connect', () => undefined)
  await replayLate(world, ['ord', 'syd'], LATE_MS)
})
afterAll(async () => {
  await pools.destroyAll()
  await world.stop()
})

interface Seen {
  found: number
  missed: number
  readonly failed: unknown[]
  /** How many of the jobs read from each server. */
  readonly servers: Record<string, number>
}

/** The first jobs wait until there is a worker; the others are run as they come. */
async function runJobs(
  start: (options: JobQueueOptions) => Promise<JobQueue>,
  jobs: { readonly waiting: number; readonly coming: number },
  withBookmark: boolean,
): Promise<Seen> {
  const seen: Seen = { found: 0, missed: 0, failed: [], servers: {} }
  const queue = await start({
    enqueuer: here,
    worker: there,
    perform: async ({ id, bookmark }) => {
      try {
        const { rows, servedBy } = await there.session(bookmark, () =>
          there.query('select id from users where id = $1', [id]),
        )
        if (rows.length === 1) seen.found++
        else seen.missed++
        seen.servers[servedBy.server] = (seen.servers[servedBy.server] ?? 0) + 1
      } catch (error) {
        seen.failed.push(error)
      }
    },
  })
  const enqueue = (count: number): Promise<void> =>
    inParallel(count, ENQUEUERS, () =>
      here.session(undefined, async () => {
        const { rows } = await here.query<{ id: number }>('insert into users default values returning id')
        await queue.enqueue({ id: rows[0]?.id ?? 0, bookmark: withBookmark ? here.bookmark() : undefined })
      }),
    )
  try {
    await enqueue(jobs.waiting)
    await sleep(2 * LATE_MS)
    await queue.startWorker()
    await enqueue(jobs.coming)
    await until(() => seen.found + seen.missed + seen.failed.length === jobs.waiting + jobs.coming, 'the jobs', 60_000)
  } finally {
    await queue.stop()
  }
  return seen
}

const queues: readonly (readonly [string, (options: JobQueueOptions) => Promise<JobQueue>])[] = [
  ['pg-boss', pgBossQueue],
  ['graphile-worker', graphileWorkerQueue],
  ...(redisServer === undefined ? [] : [['BullMQ', bullQueue] as const]),
]

test.each(queues)('each job of %s sees its row in another region, whose replica is late', async (name, start) => {
  const seen = await runJobs(start, { waiting: JOBS / 2, coming: JOBS / 2 }, true)
  expect(seen).toMatchObject({ found: JOBS, missed: 0, failed: [] })
  // The first half could be read next door when it was run.
  expect(seen.servers['syd']).toBeGreaterThan(JOBS / 4)
  const without = await runJobs(start, { waiting: 0, coming: JOBS_WITHOUT_BOOKMARK }, false)
  expect(without).toMatchObject({ servers: { syd: JOBS_WITHOUT_BOOKMARK }, failed: [] })
  expect(without.missed).toBeGreaterThan(0)
  console.log(`${name}: read from ${JSON.stringify(seen.servers)}; without the bookmark ${without.missed} missed`)
})

test.skipIf(redisServer !== undefined)('Redis is not installed: apt-get install redis-server', () => undefined)
