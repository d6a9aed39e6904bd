import pg from 'pg'
import { createPool } from 'pg-nearest'
import { startWorld } from 'pg-nearest-world'
import { msOfTurn, sideBySide, type Sample } from '../measure.ts'
import { createUsers, userReader } from '../users.ts'

/** What routing costs: our pool against a bare `pg.Pool` on the same replica. */
export interface Overhead {
  readonly callers: number
  readonly bare: Sample
  readonly ours: Sample
  /** Ours to bare; aim: at most 1.05. */
  readonly latencyRatio: number
  /** Ours to bare; aim: at least 0.95. */
  readonly throughputRatio: number
}

const CALLERS = [1, 50]
const ROUNDS = 21

/** Takes about as long as asked for, in seconds. */
export async function overhead(seconds: number): Promise<Overhead[]> {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await using ours = createPool(world.poolOptions('ord'))
  const bare = new pg.Pool({ connectionString: world.url('ord') })
  try {
    await createUsers(ours, bare)
    const ms = msOfTurn(seconds, CALLERS.length * 2, ROUNDS)
    const results: Overhead[] = []
    for (const callers of CALLERS) results.push(await compare(bare, ours, callers, ms))
    return results
  } finally {
    await bare.end()
  }
}

async function compare(bare: pg.Pool, ours: pg.Pool, callers: number, ms: number): Promise<Overhead> {
  const read = userReader()
  const [theirs, mine] = await sideBySide([() => read(bare), () => read(ours)], { callers, ms }, ROUNDS)
  if (theirs === undefined || mine === undefined) throw new Error('nothing was measured')
  return {
    callers,
    bare: theirs,
    ours: mine,
    latencyRatio: mine.p50 / theirs.p50,
    throughputRatio: mine.throughput / theirs.throughput,
  }
}
