import { setTimeout as sleep } from 'node:timers/promises'
import { createResolver, type DnsResolver } from '../discovery/dns-resolver.ts'
import type { ListedServer } from '../discovery/listed-server.ts'
import type { Examination, Machine, PoolLimits } from '../examination/examination-facts.ts'
import { flyAppOf, type ListSource, type ServerLocation } from '../examination/server-endpoint.ts'
import { parsePoolOptions } from '../options/parse-pool-options.ts'
import type { NearestPoolOptions } from '../options/pool-options.ts'
import { createPool } from '../pool/create-pool.ts'
import type { NearestPool } from '../pool/nearest-pool.ts'
import type { ServerStatus, Status } from '../servers/status.ts'
import { listFlyMachines } from './list-fly-machines.ts'
import { askServer } from './ask-server.ts'

/** What a healthy replica lacks it has received long before. */
const STALLED_AFTER_MS = 1_500

const DIAL_MS = 2_000
/** With few of them, all that lead to one machine may happen to be made before the others. */
const DIALS = 6
/** So that none of them is given the connection of another. */
const HOLD = 'select pg_catalog.pg_sleep(0.1)'

/** As in pg. */
const DEFAULT_MAX = 10
const DEFAULT_IDLE_MS = 10_000

/** Looks at the servers as a pool with these options would, and asks each about itself. Closes its connections. */
export async function examine(
  options: NearestPoolOptions,
  { resolver, source }: { readonly resolver?: DnsResolver | undefined; readonly source?: ListSource | undefined } = {},
): Promise<Examination> {
  const { servers, pgOptions } = parsePoolOptions(options)
  const pool = createPool({ ...options, stalledAfterMs: STALLED_AFTER_MS, min: 0 })
  try {
    const status = await look(pool)
    const up = new Set(status.servers.flatMap(({ name, health }) => (health === 'up' ? name : [])))
    const [facts, machines] = await Promise.all([
      Promise.all(servers.filter(({ name }) => up.has(name)).map((server) => askServer(server, pgOptions))),
      machinesOf(servers, resolver),
    ])
    return {
      status,
      places: new Map(servers.map((server) => [server.name, { ...placeOf(server), source }])),
      facts: new Map(
        servers
          .filter(({ name }) => up.has(name))
          .flatMap(({ name }, i) => (facts[i] === undefined ? [] : [[name, facts[i]]])),
      ),
      machines,
      limits: limitsOf(pgOptions),
      cluster: options.cluster,
    }
  } finally {
    await pool.end()
  }
}

async function machinesOf(
  servers: readonly ListedServer[],
  resolver: DnsResolver = createResolver(),
): Promise<readonly Machine[] | undefined> {
  const app = servers.map((server) => flyAppOf(placeOf(server))).find((found) => found !== undefined)
  return app === undefined ? undefined : listFlyMachines(app, resolver)
}

function placeOf({ address: { host, port, user, database }, region, declared }: ListedServer): ServerLocation {
  return { host, port, user, database, region, declared }
}

function limitsOf(options: Pick<NearestPoolOptions, 'max' | 'idleTimeoutMillis' | 'maxLifetimeSeconds'>): PoolLimits {
  const { max = DEFAULT_MAX, idleTimeoutMillis = DEFAULT_IDLE_MS, maxLifetimeSeconds = 0 } = options
  return { max, idleTimeoutMs: idleTimeoutMillis ?? 0, maxLifetimeMs: maxLifetimeSeconds * 1_000 }
}

/** Lag can be computed only once the primary's position is known, and a stall only from one answer to the next. */
async function look(pool: NearestPool): Promise<Status> {
  await pool.refresh()
  await dialEach(pool)
  await pool.refresh()
  const status = await pool.refresh()
  if (!status.servers.some(mayBeLate)) return status
  await sleep(STALLED_AFTER_MS)
  return pool.refresh()
}

/** It lacks what the primary has, and has not shown yet what that had before. */
function mayBeLate({ stalledMs = 0, lagBytes = 0, stalenessMs }: ServerStatus): boolean {
  return stalledMs > 0 || (lagBytes > 0 && stalenessMs === undefined)
}

/** Several connections at once show whether a name leads to several machines. What fails the next probe tells. */
async function dialEach(pool: NearestPool): Promise<void> {
  const handles = [pool.primary, ...pool.replicas().values()]
  const asked = handles.flatMap((handle) =>
    Array.from({ length: DIALS }, () => handle.query({ text: HOLD, timeoutMs: DIAL_MS })),
  )
  await Promise.allSettled(asked)
}
