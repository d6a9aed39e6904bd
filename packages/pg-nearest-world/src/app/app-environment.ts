import type { WorldPoolOptions } from '../world-types.ts'

/** One copy of an app, for which the variables are. */
export interface AppCopy {
  readonly app: string
  readonly id: string
  readonly port: number
  readonly pool: WorldPoolOptions
}

/** The variables that an app finds on a machine of Fly's, with the URLs of this world's servers. */
export function appEnvironment({ app, id, port, pool }: AppCopy): Record<string, string> {
  return {
    ...databaseVariables(pool),
    PORT: String(port),
    FLY_REGION: pool.region,
    FLY_APP_NAME: app,
    FLY_MACHINE_ID: id,
    FLY_ALLOC_ID: id,
    FLY_PROCESS_GROUP: 'app',
    FLY_PRIVATE_IP: '127.0.0.1',
  }
}

/** The variables that `fly()` of `pg-nearest/fly` reads, for an app in one region. */
export function databaseVariables(pool: WorldPoolOptions): Record<string, string> {
  const replicas = Object.entries(pool.replicas)
  return {
    MY_REGION: pool.region,
    PRIMARY_REGION: pool.primary.region,
    DATABASE_URL: pool.primary.url,
    ...(replicas.length === 0 ? {} : { REPLICA_REGIONS: replicas.map(([region]) => region).join(',') }),
    ...Object.fromEntries(replicas.map(([region, url]) => [variableOf(region), url])),
  }
}

const variableOf = (region: string): string => `DATABASE_URL_${region.toUpperCase().replaceAll('-', '_')}`
