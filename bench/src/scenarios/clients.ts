import pg from 'pg'
import { createPool } from 'pg-nearest'
import { inRounds, medianSample, msOfTurn, quartiles, run, type Quartiles, type Sample } from '../measure.ts'
import { progressLine, type Progress } from '../progress.ts'
import { openNearReaders, openReadersAndWriters, type Readers } from '../readers/open-readers.ts'
import type { Reader } from '../readers/reader.ts'
import { startedCpuMs } from '../servers-cpu.ts'
import { createUsers } from '../users.ts'
import { startWorldElsewhere, type WorldElsewhere } from '../world-elsewhere.ts'
import { byKey, createTables, ofMany, type Call } from '../workloads.ts'

/** One thing that so many callers do at once, by all ways from Node to a database. */
export interface ClientsResult {
  readonly workload: string
  readonly callers: number
  /** The first is what the others are compared with. */
  readonly ways: readonly Way[]
  readonly missing: readonly string[]
}

export interface Way {
  readonly name: string
  readonly sample: Sample
  /** Processor time of the servers for a call, in microseconds; `undefined` where it is not told. */
  readonly serverUs: number | undefined
  /** To the first way, round by round. */
  readonly throughput: Quartiles
  readonly p50: Quartiles
  readonly p99: Quartiles
  readonly connections: number
}

interface Workload {
  readonly name: string
  readonly callers: readonly number[]
  readonly call: () => Call
  readonly readers: readonly Reader[]
  readonly missing: readonly string[]
}

const ROUNDS = 15
/** A text has a name from its third use on, and each connection must have seen it. */
const WARM_UP_MS = 300

/** Takes about as long as asked for, in seconds, and a little more to warm up. */
export async function clients(seconds: number, only = ''): Promise<readonly ClientsResult[]> {
  using progress = progressLine()
  progress.show('starting a primary in nrt and a replica in ord')
  await using world = await startWorldElsewhere()
  await prepare(world)
  const near = await openNearReaders(world)
  const writers = await openReadersAndWriters(world)
  try {
    const workloads = workloadsOf(near, writers).filter(({ name }) => name.includes(only))
    if (workloads.length === 0) throw new RangeError(`No workload has "${only}" in its name.`)
    const turns = workloads.reduce((sum, { callers, readers }) => sum + callers.length * readers.length, 0)
    const ms = msOfTurn(seconds, turns, ROUNDS)
    const results: ClientsResult[] = []
    for (const workload of workloads) {
      for (const callers of workload.callers) results.push(await compare(workload, callers, ms, progress))
    }
    return results
  } finally {
    await Promise.all([near.end(), writers.end()])
  }
}

function workloadsOf(near: Readers, writers: Readers): readonly Workload[] {
  const [bare] = near.all
  const { missing } = near
  return [
    { name: 'a read by key', callers: [1, 50, 500], call: byKey, readers: near.all, missing },
    {
      name: '20 texts, 8 tables',
      callers: [50],
      call: () => ofMany(0),
      readers: near.all,
      missing,
    },
    {
      name: 'the same, 10 % writes',
      callers: [50],
      call: () => ofMany(10),
      readers: writers.all,
      missing,
    },
    {
      name: 'query builders',
      callers: [50],
      call: byKey,
      readers: bare === undefined ? near.builders : [bare, ...near.builders],
      missing: [],
    },
    { name: 'query builders, one database', callers: [1, 50], call: byKey, readers: writers.builders, missing: [] },
  ]
}

async function compare(
  { name: workload, call, readers, missing }: Workload,
  callers: number,
  ms: number,
  progress: Progress,
): Promise<ClientsResult> {
  const work = call()
  const spent = readers.map(() => ({ ms: 0, calls: 0 }))
  for (const reader of readers) await run(() => work(reader), { callers, ms: WARM_UP_MS })
  const runs = readers.map((reader, i) => async () => {
    const before = startedCpuMs()
    const sample = await run(() => work(reader), { callers, ms })
    const [after, sum] = [startedCpuMs(), spent[i]]
    if (before !== undefined && after !== undefined && sum !== undefined) {
      sum.ms += after - before
      sum.calls += sample.calls
    }
    return sample
  })
  const rounds = await inRounds(runs, ROUNDS, (done, of) =>
    progress.show(`${workload}, ${callers} at once: ${done} of ${of}`),
  )
  const [base = []] = rounds
  return {
    workload,
    callers,
    missing,
    ways: readers.map(({ name, connections }, i) => {
      const samples = rounds[i] ?? []
      const { ms: serversMs = 0, calls = 0 } = spent[i] ?? {}
      return {
        name,
        sample: medianSample(samples),
        serverUs: calls === 0 ? undefined : (serversMs * 1_000) / calls,
        throughput: quartiles(samples, base, 'throughput'),
        p50: quartiles(samples, base, 'p50'),
        p99: quartiles(samples, base, 'p99'),
        connections,
      }
    }),
  }
}

async function prepare(world: WorldElsewhere): Promise<void> {
  await using pool = createPool(world.options)
  const replica = new pg.Pool({ connectionString: world.url('ord') })
  try {
    await createUsers(pool, replica)
    await createTables(pool)
    await pool.query({ text: 'select from users_7', consistency: 'strong' })
  } finally {
    await replica.end()
  }
}
