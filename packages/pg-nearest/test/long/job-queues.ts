import { Queue, Worker } from 'bullmq'
import { Logger, makeWorkerUtils, run, type Runner } from 'graphile-worker'
import PgBoss from 'pg-boss'
import type { NearestPool } from '../../src/index.ts'
import { RedisServer } from '../postgres/redis-rig.ts'

/** What is enqueued: the row's id, and the bookmark of the session that wrote it. */
export interface Welcome {
  readonly id: number
  readonly bookmark?: string | undefined
}

/** A queue between two regions. */
export interface JobQueue {
  enqueue(job: Welcome): Promise<void>
  startWorker(): Promise<void>
  stop(): Promise<void>
}

export interface JobQueueOptions {
  /** Of the region that enqueues. */
  readonly enqueuer: NearestPool
  /** Of the region that runs the jobs. */
  readonly worker: NearestPool
  perform(job: Welcome): Promise<void>
}

const NAME = 'welcome'
const CONCURRENCY = 10

export async function pgBossQueue({ enqueuer, worker, perform }: JobQueueOptions): Promise<JobQueue> {
  const bossOn = (pool: NearestPool): PgBoss => {
    const boss = new PgBoss({ db: { executeSql: (text, values) => pool.query(text, values) } })
    boss.on('error', (error) => console.error(error))
    return boss
  }
  const here = bossOn(enqueuer)
  const there = bossOn(worker)
  await here.start()
  await here.createQueue(NAME)
  // Otherwise it may look for its tables on a replica that does not show them yet, and create them again.
  await worker.withConsistency('strong', () => there.start())
  return {
    enqueue: async (job) => void (await here.send(NAME, job)),
    startWorker: async () => {
      await there.work<Welcome>(NAME, { batchSize: 10 * CONCURRENCY, pollingIntervalSeconds: 0.5 }, async (jobs) => {
        await Promise.all(jobs.map((job) => perform(job.data)))
      })
    },
    stop: async () => {
      await Promise.all([here, there].map((boss) => boss.stop({ graceful: false, wait: true })))
    },
  }
}

export async function graphileWorkerQueue({ enqueuer, worker, perform }: JobQueueOptions): Promise<JobQueue> {
  const logger = new Logger(() => () => undefined)
  const utils = await makeWorkerUtils({ pgPool: enqueuer, logger })
  await utils.migrate()
  let runner: Runner | undefined
  return {
    enqueue: async (job) => void (await utils.addJob(NAME, job)),
    startWorker: async () => {
      runner = await run({
        pgPool: worker,
        logger,
        concurrency: CONCURRENCY,
        noHandleSignals: true,
        taskList: { [NAME]: (payload) => perform(payload as Welcome) },
      })
    },
    stop: async () => {
      await runner?.stop()
      await utils.release()
    },
  }
}

/** Its jobs are in Redis; the database is only what they read. */
export async function bullQueue({ perform }: JobQueueOptions): Promise<JobQueue> {
  const redis = await RedisServer.start()
  const connection = { host: '127.0.0.1', port: redis.port }
  const queue = new Queue<Welcome>(NAME, { connection })
  let worker: Worker<Welcome> | undefined
  return {
    enqueue: async (job) => void (await queue.add(NAME, job)),
    startWorker: async () => {
      worker = new Worker<Welcome>(NAME, (job) => perform(job.data), { connection, concurrency: CONCURRENCY })
      await worker.waitUntilReady()
    },
    stop: async () => {
      await worker?.close()
      await queue.close()
      await redis.kill()
    },
  }
}
