import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { createPool } from 'pg-nearest'
import { startWorld, type World } from 'pg-nearest-world'
import { percentile } from '../measure.ts'
import { progressLine } from '../progress.ts'
import { createUsers, userReader } from '../users.ts'

/** What readers noticed of a fault, in milliseconds. */
export interface Noticed {
  readonly name: string
  /** Of the reads before it. */
  readonly healthyP99: number
  /** Of the reads from its beginning on. */
  readonly p99: number
  readonly longest: number
  readonly reads: number
  readonly errors: number
  /** Reads that took longer than three of the healthy p99. */
  readonly late: number
  /** Reads that the servers ran beyond those that were asked for, as a share; `undefined` where a server forgot its count. */
  readonly extra: number | undefined
}

export interface Faults {
  readonly rttMs: number
  readonly faults: readonly { readonly name: string; readonly contenders: readonly Noticed[] }[]
}

/** Both replicas are as far away: one round trip. */
const RTT_MS = 10
const SLOWED_MS = 310
const CALLERS = 10
const HEALTHY_MS = 4_000
const FAULTY_MS = 8_000

interface Contender {
  readonly name: string
  open(world: World): { read(): Promise<unknown>; end(): Promise<unknown> }
}

interface Fault {
  readonly name: string
  begin(world: World): unknown
  heal(world: World): unknown
  /** No server begins anew, so that its count goes on. */
  readonly counts: boolean
}

const faults: readonly Fault[] = [
  {
    name: `one of two replicas is slowed by ${SLOWED_MS - RTT_MS} ms`,
    begin: (world) => world.setRtt('nrt', 'ord', SLOWED_MS),
    heal: (world) => world.setRtt('nrt', 'ord', RTT_MS),
    counts: true,
  },
  {
    name: 'one of two replicas is killed',
    begin: (world) => world.kill('ord'),
    heal: (world) => world.start('ord'),
    counts: false,
  },
  {
    name: 'the link to one of two replicas swallows everything',
    begin: (world) => world.partition('nrt', 'ord'),
    heal: (world) => world.heal('nrt', 'ord'),
    counts: false,
  },
]

const contenders: readonly Contender[] = [
  ours('pg-nearest', {}),
  ours('pg-nearest, hedge: true', { hedge: true }),
  atRandom(),
]

/** An app as far from two replicas; then one of them is not what it was. */
export async function faultsScenario(): Promise<Faults> {
  using progress = progressLine()
  progress.show('starting a primary and two replicas')
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord', 'atl'], rtt: RTT_MS })
  const all = faults.flatMap((fault) => contenders.map((contender) => ({ fault, contender })))
  const noticed = new Map<Fault, Noticed[]>(faults.map((fault) => [fault, []]))
  await prepare(world)
  for (const [i, { fault, contender }] of all.entries()) {
    progress.show(`${i} of ${all.length}: ${fault.name}, with ${contender.name}`)
    noticed.get(fault)?.push(await notice(world, fault, contender))
  }
  return { rttMs: RTT_MS, faults: faults.map((fault) => ({ name: fault.name, contenders: noticed.get(fault) ?? [] })) }
}

async function prepare(world: World): Promise<void> {
  const replicas = ['ord', 'atl'].map((region) => new pg.Pool({ connectionString: world.url(region) }))
  await using own = createPool(world.poolOptions('nrt'))
  for (const [i, replica] of replicas.entries()) {
    if (i === 0) await createUsers(own, replica)
    await untilThere(replica)
    await replica.end()
  }
}

async function untilThere(replica: pg.Pool): Promise<void> {
  const { rows } = await replica.query("select to_regclass('users') is not null as there")
  if (rows[0]?.['there'] === true) return
  await sleep(20)
  await untilThere(replica)
}

async function notice(world: World, fault: Fault, contender: Contender): Promise<Noticed> {
  const before = await readsServed(world)
  const { read, end } = contender.open(world)
  await load(read, 1_000)
  const warm = await load(read, HEALTHY_MS)
  const reading = load(read, FAULTY_MS)
  await fault.begin(world)
  const during = await reading
  await fault.heal(world)
  await end()
  const after = fault.counts ? await settledReads(world) : undefined
  await sleep(2_000)
  const healthyP99 = percentile(warm.ms, 0.99)
  const asked = warm.asked + during.asked
  return {
    name: contender.name,
    healthyP99,
    p99: percentile(during.ms, 0.99),
    longest: percentile(during.ms, 1),
    reads: during.asked,
    errors: during.errors,
    late: during.ms.filter((ms) => ms > 3 * healthyP99).length,
    extra: after === undefined ? undefined : Math.max(0, (after - before - warmUp - asked) / asked),
  }
}

/** Reads of the warm-up, which count on the servers. */
let warmUp = 0

interface Load {
  readonly ms: readonly number[]
  readonly asked: number
  readonly errors: number
}

async function load(read: () => Promise<unknown>, ms: number): Promise<Load> {
  const took: number[] = []
  let errors = 0
  const end = performance.now() + ms
  const caller = async (): Promise<void> => {
    while (performance.now() < end) {
      const start = performance.now()
      await read().catch(() => errors++)
      took.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  if (ms === 1_000) warmUp = took.length
  return { ms: took, asked: took.length, errors }
}

/** How often the servers have read the table. */
async function readsServed(world: World): Promise<number> {
  let all = 0
  for (const region of world.regions) {
    const client = new pg.Client({ connectionString: world.url(region) })
    await client.connect()
    const { rows } = await client.query<{ n: number }>(
      "select (seq_scan + coalesce(idx_scan, 0))::int as n from pg_stat_user_tables where relname = 'users'",
    )
    await client.end()
    all += rows[0]?.n ?? 0
  }
  return all
}

/** The counters are exact some time after the readers have gone. */
async function settledReads(world: World): Promise<number> {
  let last = -1
  for (;;) {
    const now = await readsServed(world)
    if (now === last) return now
    last = now
    await sleep(1_000)
  }
}

function ours(name: string, options: object): Contender {
  return {
    name,
    open(world) {
      const pool = createPool({
        primary: { region: 'nrt', url: world.url('nrt', { from: 'ord' }) },
        replicas: { ord: world.url('ord', { from: 'nrt' }), atl: world.url('atl', { from: 'nrt' }) },
        ...options,
      })
      pool.on('error', () => undefined)
      const read = userReader()
      return { read: () => read(pool), end: () => pool.end() }
    },
  }
}

/** What people write by hand, and what ORMs do. */
function atRandom(): Contender {
  return {
    name: 'pg, one of two pools at random',
    open(world) {
      const pools = ['ord', 'atl'].map((region) => {
        const pool = new pg.Pool({
          connectionString: world.url(region, { from: 'nrt' }),
          connectionTimeoutMillis: 2_000,
          query_timeout: 5_000,
        })
        return pool.on('error', () => undefined)
      })
      const read = userReader()
      return {
        read: () => read(pools[Math.floor(Math.random() * pools.length)] ?? (pools[0] as pg.Pool)),
        end: () => Promise.all(pools.map((pool) => pool.end())),
      }
    },
  }
}
