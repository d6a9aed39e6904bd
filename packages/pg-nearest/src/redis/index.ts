/**
 * A store for the bookmarks of shared sessions, in Redis.
 *
 * @module pg-nearest/redis
 */
export { redisStore } from './redis-store.ts'
export type { RedisClient, RedisStoreOptions } from './redis-store.ts'
export type { BookmarkStore } from '../bookmark-store/bookmark-store.ts'
