import { AsyncLocalStorage } from 'node:async_hooks'
import pg from 'pg'
import { createPool, type NearestPool } from 'pg-nearest'
import { startWorld } from 'pg-nearest-world'
import { msOfTurn, sideBySide } from '../measure.ts'
import { progressLine } from '../progress.ts'
import { createUsers, userReader } from '../users.ts'

/** What it costs a read on the local replica to show one's own writes: its p50 at one caller, in milliseconds. */
export interface Guard {
  /** A bare `pg.Pool`. */
  readonly bare: number
  /** Our pool, with reads that may show anything. */
  readonly eventual: number
  /** Our pool as it comes: all of the process has one scope, and it has written. */
  readonly process: number
  /** The same pool, in a session that has written. */
  readonly session: number
}

// Many short ones: what disturbs the machine for a second must not decide.
const ROUNDS = 101

/** Takes about as long as asked for, in seconds. */
export async function guard(seconds: number): Promise<Guard> {
  using progress = progressLine()
  progress.show('starting a primary in nrt and a replica in ord')
  await using world = await startWorld({ primary: 'nrt', replicas: ['ord'] })
  await using ours = createPool(world.poolOptions('ord'))
  await using eventual = createPool({ ...world.poolOptions('ord'), consistency: 'eventual' })
  const bare = new pg.Pool({ connectionString: world.url('ord') })
  try {
    await createUsers(ours, bare)
    await eventual.refresh()
    const outside = AsyncLocalStorage.snapshot()
    return await ours.session(undefined, async () => {
      await ours.query('update users set age = age + 1 where id = 1')
      await untilLocal(ours)
      const inside = AsyncLocalStorage.snapshot()
      const read = userReader()
      // All of them pay for a change of context.
      const works = [
        () => outside(read, bare),
        () => outside(read, eventual),
        () => outside(read, ours),
        () => inside(read, ours),
      ]
      const ms = msOfTurn(seconds, works.length, ROUNDS)
      const samples = await sideBySide(works, { callers: 1, ms }, ROUNDS, (done, of) =>
        progress.show(`reads on the replica, with and without the guard: ${done} of ${of}`),
      )
      await untilLocal(ours, 1)
      const [first = Number.NaN, second = Number.NaN, third = Number.NaN, fourth = Number.NaN] = samples.map(
        ({ p50 }) => p50,
      )
      return { bare: first, eventual: second, process: third, session: fourth }
    })
  } finally {
    await bare.end()
  }
}

/** Right after the write the replica may not have it yet, and the primary answers. */
async function untilLocal(pool: NearestPool, tries = 100): Promise<void> {
  const { servedBy } = await pool.query('select age from users where id = 1')
  if (servedBy.server === 'ord') return
  if (tries <= 1) throw new Error(`The session's reads run on ${servedBy.server}, and not on the replica next door.`)
  await untilLocal(pool, tries - 1)
}
