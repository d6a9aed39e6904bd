export { redisStore } from './redis-store.ts'
export type { RedisClient, RedisStoreOptions } from './redis-store.ts'
export type { BookmarkStore } from '../bookmark-store/bookmark-store.ts'
