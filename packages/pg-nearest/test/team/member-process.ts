import { Redis } from 'ioredis'
import { createPool } from '../../src/pool/create-pool.ts'
import type { NearestPoolOptions } from '../../src/options/pool-options.ts'
import { redisStore } from '../../src/redis/redis-store.ts'
import { perform, type Said, type Task } from './member.ts'

/** The process of one region, which is told what to do by the one that began it. */
const [, , options = '{}', port = '0', keepMs = '0'] = process.argv
const redis = new Redis(Number(port), '127.0.0.1', { retryStrategy: () => 50, maxRetriesPerRequest: 1 })
redis.on('error', () => undefined)
const pool = createPool({
  ...(JSON.parse(options) as NearestPoolOptions),
  bookmarkStore: redisStore(redis, { keepMs: Number(keepMs) }),
})

const say = (said: Said): unknown => process.send?.(said)

pool.on('store', ({ available }) => {
  if (!available) say('store failed')
})
process.on('message', (task: Task) => {
  perform(pool, task).then(say, (error: unknown) => say({ id: task.id, failed: String(error) }))
})
process.on('disconnect', () => process.exit())
say('ready')
