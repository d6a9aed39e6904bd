import pg from 'pg'
import { createPool } from 'pg-nearest'
import { startWorld } from 'pg-nearest-world'
import { sideBySide, type Sample } from '../measure.ts'

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

const READ = 'select id, name, age from users where id = $1'
const CALLERS = [1, 50]
const ROUNDS = 21

/** Takes about as long as asked for, in seconds. */
export async function overhead(seconds: number): Promise<Overhead[]> {
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await using ours = createPool(world.poolOptions('ord'))
  const bare = new pg.Pool({ connectionString: world.url('ord') })
  try {
    await ours.query(
      `create table users (id int primary key, name text not null, age int);
       insert into users select n, 'user ' || n, n % 90 from generate_series(1, 1000) as n`,
    )
    await arrived(bare)
    await ours.refresh()
    const ms = (seconds * 1_000) / (CALLERS.length * 2 * (ROUNDS + 1))
    const results: Overhead[] = []
    for (const callers of CALLERS) results.push(await compare(bare, ours, callers, ms))
    return results
  } finally {
    await bare.end()
  }
}

async function compare(bare: pg.Pool, ours: pg.Pool, callers: number, ms: number): Promise<Overhead> {
  let id = 0
  const read = (pool: pg.Pool) => (): Promise<unknown> => pool.query(READ, [1 + (id++ % 1_000)])
  const [theirs, mine] = await sideBySide([read(bare), read(ours)], { callers, ms }, ROUNDS)
  if (theirs === undefined || mine === undefined) throw new Error('nothing was measured')
  return {
    callers,
    bare: theirs,
    ours: mine,
    latencyRatio: mine.p50 / theirs.p50,
    throughputRatio: mine.throughput / theirs.throughput,
  }
}

async function arrived(replica: pg.Pool): Promise<void> {
  for (;;) {
    const { rows } = await replica.query("select to_regclass('users') is not null as there")
    if (rows[0]?.['there'] === true) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
