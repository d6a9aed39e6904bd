import { setTimeout as sleep } from 'node:timers/promises'
import { createPool, type NearestPool } from 'pg-nearest'
import type { World } from 'pg-nearest-world'
import pg from 'pg'
import { Counter, type Held } from './counted.ts'
import { work } from './work.ts'

export interface Sample extends Held {
  readonly atSeconds: number
  readonly operations: number
  /** On all servers, without those of this test itself. */
  readonly connections: number
  /**
   * Sockets that a server may have seen while the connections were counted. `sockets` is of a moment before: meanwhile a
   * probe may have replaced its connection, and a server learns late that one was closed.
   */
  readonly socketsMeanwhile: number
  /** Of the connections, those that the pool knows of: how many are open at rest depends on what was wanted last. */
  readonly pooled: number
}

export interface LeakReport {
  readonly operations: number
  /** At rest, with the pool open. The first one is taken when everything has happened once. */
  readonly samples: readonly Sample[]
  /** Before the pool was made, and after it was ended. */
  readonly before: Held & { readonly connections: number }
  readonly after: Held & { readonly connections: number }
}

export interface LeakOptions {
  readonly seconds: number
  readonly rounds: number
  readonly onRound?: (sample: Sample) => void
}

const CALLERS = 8
const APPLICATION = 'leaks'
/** Until a server's process is gone whose client has closed the connection. */
const CLOSING_MS = 500

/** Works, breaks and rests, again and again: what is held at rest must not grow. The world has nrt, ord and syd. */
export async function runLeaks(world: World, { seconds, rounds, onRound }: LeakOptions): Promise<LeakReport> {
  await prepare(world)
  using counter = new Counter()
  const held = async (): Promise<Held & { connections: number }> => ({
    ...(await counter.held()),
    connections: await connections(world),
  })
  const before = await held()
  const start = performance.now()
  const samples: Sample[] = []
  let operations = 0
  const pool = counter.run(() => busyPool(world))
  try {
    for (let round = 0; round <= rounds; round++) {
      const busy = new AbortController()
      const working = counter.run(() => work(pool, CALLERS, busy.signal))
      const setServers: SetServers = (list) => counter.run(() => pool.setServers(list))
      await breakEverything(world, setServers, (seconds * 1_000) / (rounds + 1))
      busy.abort()
      operations += await working
      await rest(pool)
      const resting = performance.now() - CLOSING_MS
      const sample = {
        ...(await held()),
        socketsMeanwhile: counter.socketsSince(resting),
        pooled: pool.totalCount,
        operations,
        atSeconds: (performance.now() - start) / 1_000,
      }
      samples.push(sample)
      onRound?.(sample)
    }
  } finally {
    await counter.run(() => pool.end())
  }
  await settle(async () => (await connections(world)) === 0)
  // Cancel requests, which give up after two seconds, end a little later than the pool.
  const ended = async (): Promise<boolean> => {
    const { sockets, timers } = await counter.held()
    return sockets <= before.sockets && timers <= before.timers
  }
  await settle(ended)
  return { operations, samples, before, after: await held() }
}

function busyPool(world: World): NearestPool {
  const pool = createPool({
    ...world.poolOptions('ord'),
    application_name: APPLICATION,
    hedge: true,
    failoverTimeoutMs: 200,
    probeIntervalMs: 200,
    servers: () => world.poolOptions('ord'),
    serversIntervalMs: 500,
  })
  for (const event of ['error', 'problem', 'topology', 'query'] as const) pool.on(event as 'error', () => undefined)
  return pool
}

type SetServers = (servers: Parameters<NearestPool['setServers']>[0]) => unknown

/** One of each, and all are healed. */
async function breakEverything(world: World, setServers: SetServers, ms: number): Promise<void> {
  const part = ms / 4
  await world.kill('ord')
  await sleep(part)
  await world.start('ord')
  world.partition('ord', 'nrt')
  await sleep(part)
  world.heal('ord', 'nrt')
  const { primary, replicas } = world.poolOptions('ord')
  setServers({ primary, replicas: { ord: replicas['ord'] ?? '' } })
  await sleep(part / 2)
  setServers({ primary, replicas })
  await world.kill('nrt')
  await sleep(part / 2)
  await world.start('nrt')
  await sleep(part)
}

/** Until everybody is well, and what was closed is gone. */
async function rest(pool: NearestPool): Promise<void> {
  await settle(() => pool.status().servers.every(({ health }) => health === 'up'))
  await settle(() => pool.totalCount === pool.idleCount && pool.waitingCount === 0)
  // A cancel request gives up after two seconds.
  await sleep(2_500)
}

async function settle(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 15_000
  while (!(await holds()) && performance.now() < end) await sleep(50)
}

async function connections(world: World): Promise<number> {
  const rows = await onEach(
    world,
    `select count(*)::int as n from pg_stat_activity where application_name = '${APPLICATION}'`,
  )
  return rows.reduce((all, n) => all + n, 0)
}

function onEach(world: World, text: string): Promise<number[]> {
  return Promise.all(
    world.regions.map(async (region) => {
      const client = new pg.Client({ connectionString: world.url(region) })
      client.on('error', () => undefined)
      await client.connect()
      const { rows } = await client.query<{ n: number }>(text)
      await client.end()
      return rows[0]?.n ?? 0
    }),
  )
}

async function prepare(world: World): Promise<void> {
  const client = new pg.Client({ connectionString: world.url(world.primary) })
  await client.connect()
  await client.query('create table counts (id int primary key, n int not null)')
  await client.query('insert into counts select i, 0 from generate_series(1, 10) as i')
  await client.end()
  await sleep(1_000)
}
