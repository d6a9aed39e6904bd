import pg from 'pg'
import { createPool, type NearestPool } from 'pg-nearest'
import { startWorld } from 'pg-nearest-world'
import { inRounds, medianSample, run, sampleRatio, type Ratio, type Sample } from '../measure.ts'
import { loadOwnPg } from '../contenders/own-pg.ts'
import { createUsers } from '../users.ts'

/** So many inserts at once, on ten connections. */
export interface Burst {
  readonly writes: number
  readonly bare: Sample
  readonly ours: Sample
  /** The time of ours to that of `pg.Pool`; aim: at most 1.1. */
  readonly timeRatio: Ratio
}

const WRITES = [10, 100, 1_000]
const ROUNDS = 15

/** Of one session of our pool, which sees them afterwards, and of a bare `pg.Pool` on the same primary. */
export async function bursts(): Promise<Burst[]> {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await using ours = createPool(world.poolOptions('nrt'))
  const bare = new (loadOwnPg().Pool)({ connectionString: world.url('nrt') })
  const replica = new pg.Pool({ connectionString: world.url('ord') })
  try {
    await createUsers(ours, replica)
    await ours.query('create table notes (note text)')
    const results: Burst[] = []
    for (const writes of WRITES) results.push(await burst(ours, bare, writes))
    return results
  } finally {
    await Promise.all([bare.end(), replica.end()])
  }
}

async function burst(ours: NearestPool, bare: pg.Pool, writes: number): Promise<Burst> {
  let n = 0
  const insert = (pool: pg.Pool): Promise<unknown> =>
    pool.query('insert into notes (note) values ($1)', [`note ${n++}`])
  // Each caller calls once.
  const load = { callers: writes, ms: 0 }
  const [bares = [], mine = []] = await inRounds(
    [
      () => run(() => insert(bare), load),
      () => {
        const session = ours.session()
        return run(() => insert(session), load)
      },
    ],
    ROUNDS,
  )
  return {
    writes,
    bare: medianSample(bares),
    ours: medianSample(mine),
    timeRatio: sampleRatio(bares, mine, 'throughput'),
  }
}
