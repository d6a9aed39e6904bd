import { createPool } from 'pg-nearest'
import type { NearestPool } from 'pg-nearest'
import { fly } from 'pg-nearest/fly'
import { regions } from './regions.ts'

/**
 * The app's pool, from the environment: `DATABASE_URL`, `FLY_REGION`, `PRIMARY_REGION`, `POOL_SIZE` (connections per
 * server, default 10), `REPLICA_REGIONS` (instead of the list in the code). With a `DATABASE_URL` and nothing else it is one database.
 */
export const openPool = (env: NodeJS.ProcessEnv = process.env): NearestPool =>
  createPool({
    ...fly({ env, regions: env.REPLICA_REGIONS ? undefined : regions, max: poolSize(env.POOL_SIZE) }),
    application_name: 'accounts',
  })

const poolSize = (text: string | undefined): number => {
  if (!text) return 10
  const size = Number(text)
  if (!Number.isInteger(size) || size < 1) throw new Error(`POOL_SIZE must be a whole number above 0, not "${text}".`)
  return size
}
