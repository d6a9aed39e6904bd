import pg from 'pg'
import { createPool } from 'pg-nearest'
import { startWorld } from 'pg-nearest-world'
import { inRounds, medianSample, msOfTurn, run, sampleRatio, type Ratio, type Sample } from '../measure.ts'
import { createUsers, userReader } from '../users.ts'

/** One read by key, by several ways to a replica next door, so many callers at once. */
export interface Clients {
  readonly callers: number
  readonly ways: readonly Way[]
}

export interface Way {
  readonly name: string
  readonly sample: Sample
  /** To a bare `pg.Pool`, round by round. */
  readonly throughput: Ratio
  readonly p50: Ratio
  readonly p99: Ratio
  readonly connections: number
}

const CALLERS = [1, 50, 500]
const ROUNDS = 15

/** Takes about as long as asked for, in seconds. */
export async function clients(seconds: number): Promise<Clients[]> {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await using plain = createPool({ ...world.poolOptions('ord'), lanes: false })
  await using lanes = createPool({ ...world.poolOptions('ord'), lanes: true })
  const bare = new pg.Pool({ connectionString: world.url('ord') })
  try {
    await createUsers(plain, bare)
    await lanes.refresh()
    const read = userReader()
    const session = lanes.session(undefined)
    const ways: Contender[] = [
      { name: 'pg.Pool', pool: bare, work: () => read(bare) },
      { name: 'the same, named', pool: bare, work: () => read(bare, 'user') },
      { name: 'ours', pool: plain, work: () => read(plain) },
      { name: 'ours with lanes', pool: lanes, work: () => read(lanes) },
      { name: 'ours with lanes, in a session', pool: lanes, work: () => read(session) },
    ]
    const ms = msOfTurn(seconds, CALLERS.length * ways.length, ROUNDS)
    const results: Clients[] = []
    for (const callers of CALLERS) results.push(await compare(ways, callers, ms))
    return results
  } finally {
    await bare.end()
  }
}

interface Contender {
  readonly name: string
  readonly pool: pg.Pool
  work(): Promise<unknown>
}

async function compare(ways: readonly Contender[], callers: number, ms: number): Promise<Clients> {
  const rounds = await inRounds(
    ways.map(
      ({ work }) =>
        () =>
          run(work, { callers, ms }),
    ),
    ROUNDS,
  )
  const [bare = []] = rounds
  return {
    callers,
    ways: ways.map(({ name, pool }, i) => {
      const samples = rounds[i] ?? []
      const to = (figure: 'throughput' | 'p50' | 'p99'): Ratio => sampleRatio(samples, bare, figure)
      const sample = medianSample(samples)
      return {
        name,
        sample,
        throughput: to('throughput'),
        p50: to('p50'),
        p99: to('p99'),
        connections: pool.totalCount,
      }
    }),
  }
}
