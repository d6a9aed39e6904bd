import type { BookmarkStore } from '../bookmark-store/bookmark-store.ts'
import { parseKeepMs } from '../bookmark-store/keep-ms.ts'
import { describeValue } from '../error-messages/describe-value.ts'
import { checkNames } from '../error-messages/unknown-name.ts'
import { OptionError } from '../errors.ts'
import { bookmarkBeside, doubtOf, orderedBookmark } from '../bookmark-store/ordered-bookmark.ts'
import { GET, PUT, PUT_DOUBT } from './scripts.ts'

/** What is needed of a client of `ioredis`, or of one of `redis` that is connected. */
export type RedisClient =
  { call(command: string, ...args: string[]): Promise<unknown> } | { sendCommand(args: string[]): Promise<unknown> }

/** Options of {@link redisStore}. */
export interface RedisStoreOptions {
  /**
   * How the names of the keys begin. The part in braces sees to it that a cluster keeps them together. Default `{pg-nearest}:`.
   */
  readonly prefix?: string | undefined
  /**
   * Milliseconds for which a bookmark is kept: longer than replicas fall behind. For as long after a start, a failover or a FLUSHALL of Redis
   * all sessions ask the primary, because bookmarks may be missing. 1,000 to 86,400,000; default 60,000.
   */
  readonly keepMs?: number | undefined
}

/**
 * Keeps bookmarks in Redis 6.2 or later, or Valkey: for `createPool({ bookmarkStore })`. It must not evict what has not expired
 * (`maxmemory-policy noeviction`), and its user needs EVAL, GET, SET, INFO and TIME. Costs a round trip to Redis before a shared
 * session, and one after it if it has written.
 *
 * @example
 * ```ts
 * import { Redis } from 'ioredis'
 * import { createPool } from 'pg-nearest'
 * import { redisStore } from 'pg-nearest/redis'
 *
 * const redis = new Redis('redis://localhost')
 * redis.on('error', () => undefined) // it connects again by itself
 * export const pool = createPool({ primary: 'postgres://localhost/app', bookmarkStore: redisStore(redis) })
 * ```
 *
 * @throws OptionError for what is no client, and for options that cannot be used.
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions = {}): BookmarkStore {
  const send = senderOf(client)
  checkNames(options, ['prefix', 'keepMs'])
  const { prefix = '{pg-nearest}:' } = options
  if (typeof prefix !== 'string') {
    throw new OptionError('prefix', `prefix must be a text, but it is ${describeValue(prefix)}.`)
  }
  const keepMs = String(parseKeepMs(options.keepMs))
  const run = (script: string, keys: readonly string[], args: readonly string[]): Promise<unknown> =>
    send('EVAL', script, String(keys.length), ...keys.map((key) => prefix + key), ...args)
  return {
    async get(key) {
      const kept = await run(GET, [`at:${key}`, `unknown:${key}`, 'since'], [keepMs])
      const [doubt, bookmark] = Array.isArray(kept) ? kept.map(textOf) : []
      return bookmarkBeside(doubt, bookmark)
    },
    async put(key, bookmark) {
      const ordered = orderedBookmark(bookmark)
      if (ordered === undefined) await run(PUT_DOUBT, [`unknown:${key}`], [doubtOf(bookmark), keepMs])
      else await run(PUT, [`at:${key}`, `unknown:${key}`], [ordered.text, ordered.group, keepMs])
    },
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function senderOf(client: RedisClient): (...args: string[]) => Promise<unknown> {
  if (typeof client === 'object' && client !== null) {
    if ('call' in client && typeof client.call === 'function') {
      return (command = '', ...args) => client.call(command, ...args)
    }
    if ('sendCommand' in client && typeof client.sendCommand === 'function')
      return (...args) => client.sendCommand(args)
  }
  throw new OptionError('client', `client must be one of ioredis or redis, but it is ${describeValue(client)}.`)
}
