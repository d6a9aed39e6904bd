import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createPool, type NearestPool } from 'pg-nearest'
import { replay, type ReplayOptions } from 'pg-nearest/express'
import { startEdge, startWorld, type World } from 'pg-nearest-world'
import { median } from '../measure.ts'

/** Milliseconds that a request takes, as somebody in the region has it: medians. */
export interface ReplayTimes {
  readonly route: string
  readonly region: string
  /** Every request that is no GET is replayed, as fly-ruby does it. */
  readonly always: number
  readonly never: number
  readonly ours: number
}

type Way = 'always' | 'never' | 'ours'

const WAYS: Readonly<Record<Way, ReplayOptions>> = {
  always: { policy: ({ method }) => (method === 'GET' ? 'never' : 'always') },
  never: { policy: 'never' },
  ours: {},
}
const REGIONS = ['nrt', 'syd', 'ord']
const WARM_UP = 3
const REQUESTS = 9
const WRITE = "insert into visits (note) values ('bench')"
const READ = 'select count(*) from visits where id < 10'

const ROUTES: Readonly<Record<string, (pool: NearestPool) => Promise<unknown>>> = {
  'GET /three-reads': (pool) => times(3, () => pool.query(READ)),
  'POST /three-reads': (pool) => times(3, () => pool.query(READ)),
  'POST /one-write': (pool) => pool.query(WRITE),
  'POST /five-writes': (pool) => times(5, () => pool.query(WRITE)),
  'POST /transaction': (pool) =>
    pool.transaction(async (tx) => {
      await tx.query(READ)
      await tx.query(WRITE)
    }),
}

export async function replayTimes(): Promise<readonly ReplayTimes[]> {
  await using world = await startWorld({ primary: 'nrt', replicas: ['syd', 'ord'] })
  await using setUp = createPool(world.poolOptions('nrt'))
  await setUp.query('create table visits (id int generated always as identity primary key, note text)')
  await setUp.replicated({ timeoutMs: 10_000 })
  const found: Partial<Record<Way, ReadonlyMap<string, number>>> = {}
  for (const [way, options] of Object.entries(WAYS)) found[way as Way] = await measureWay(world, options)
  return Object.keys(ROUTES).flatMap((route) =>
    REGIONS.map((region) => {
      const ms = (way: Way): number => found[way]?.get(`${route} ${region}`) ?? Number.NaN
      return { route, region, always: ms('always'), never: ms('never'), ours: ms('ours') }
    }),
  )
}

async function measureWay(world: World, options: ReplayOptions): Promise<ReadonlyMap<string, number>> {
  await using edge = await startEdge(world)
  const pools = REGIONS.map((region) => createPool(world.poolOptions(region)))
  const servers: Server[] = []
  try {
    for (const [i, pool] of pools.entries()) {
      const region = REGIONS[i] ?? ''
      await pool.refresh()
      const server = appOf(pool, options)
      servers.push(server)
      await once(server.listen(0, '127.0.0.1'), 'listening')
      edge.add({ id: region, region, port: (server.address() as AddressInfo).port })
    }
    const measured = await Promise.all(REGIONS.map((region) => measureRegion(edge.url(region), region)))
    return new Map(measured.flat())
  } finally {
    for (const server of servers) server.close()
    await Promise.all(pools.map((pool) => pool.end()))
  }
}

function appOf(pool: NearestPool, options: ReplayOptions): Server {
  const replays = replay(pool, options)
  return createServer((request, response) =>
    replays(request, response, () => {
      const work = ROUTES[`${request.method} ${request.url}`]?.(pool) ?? Promise.resolve()
      work.then(
        () => response.end('done'),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
    }),
  )
}

async function measureRegion(url: string, region: string): Promise<[string, number][]> {
  const found: [string, number][] = []
  for (const route of Object.keys(ROUTES)) {
    const [method = '', path = ''] = route.split(' ')
    const taken: number[] = []
    for (let i = 0; i < WARM_UP + REQUESTS; i++) {
      const begin = performance.now()
      const response = await fetch(`${url}${path}`, { method })
      if (!response.ok) throw new Error(`${route} in ${region} failed: ${await response.text()}`)
      await response.text()
      if (i >= WARM_UP) taken.push(performance.now() - begin)
    }
    found.push([`${route} ${region}`, median(taken)])
  }
  return found
}

async function times(count: number, work: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i++) await work()
}
