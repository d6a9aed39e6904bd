import { RateLimiterPostgres } from 'rate-limiter-flexible'

export const rateLimiterFlexible = {
  name: 'rate-limiter-flexible',
  package: 'rate-limiter-flexible',
  tables: "relname = 'limits'",
  give: (pool) =>
    new Promise((resolve, reject) => {
      const options = { storeClient: pool, tableName: 'limits', points: 5, duration: 60, clearExpiredByTimeout: false }
      const limiter = new RateLimiterPostgres(options, (error) => (error ? reject(error) : resolve(limiter)))
    }),
  operations: (limiter) => ({
    read: async (id) => (await limiter.get(id))?.consumedPoints.toString(),
    write: (id, text) => limiter.set(id, Number(text), 60),
  }),
}
