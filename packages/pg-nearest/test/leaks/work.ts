import { setTimeout as sleep } from 'node:timers/promises'
import type { NearestPool } from 'pg-nearest'

type Turn = (pool: NearestPool) => Promise<unknown>

const READ = 'select n from counts where id = $1'
const WRITE = 'update counts set n = n + 1 where id = $1'

/** Everything that a pool does, well ended or not. */
const turns: readonly Turn[] = [
  (pool) => pool.query(READ, [1]),
  (pool) => pool.query(WRITE, [1]),
  (pool) => pool.query({ text: READ, values: [2], timeoutMs: 5_000 }),
  (pool) => pool.query({ text: 'select pg_sleep(1)', timeoutMs: 15 }),
  (pool) => pool.query({ text: 'select pg_sleep(1)', signal: AbortSignal.timeout(10) }),
  (pool) => pool.query('select wrong'),
  (pool) => pool.replica().query(WRITE, [1]),
  (pool) => pool.transaction((tx) => tx.query(WRITE, [3])),
  (pool) => pool.transaction({ readOnly: true }, (tx) => tx.query(READ, [3])),
  (pool) => pool.transaction({ timeoutMs: 20 }, (tx) => tx.query('select pg_sleep(1)')),
  (pool) =>
    pool.session(undefined, async () => {
      await pool.query(WRITE, [4])
      return pool.query(READ, [4])
    }),
  async (pool) => {
    const client = await pool.connect()
    try {
      await client.query('begin')
      await client.query(WRITE, [5])
      await client.query('rollback')
      await client.query("set application_name = 'other'")
    } finally {
      client.release()
    }
  },
]

/** Works with so many callers at once until the signal says so. Returns how much it did. */
export async function work(pool: NearestPool, callers: number, signal: AbortSignal): Promise<number> {
  let done = 0
  const caller = async (first: number): Promise<void> => {
    for (let i = first; !signal.aborted; i++) {
      await turns[i % turns.length]?.(pool).catch(() => undefined)
      done++
      await sleep(1)
    }
  }
  await Promise.all(Array.from({ length: callers }, (_, i) => caller(i)))
  return done
}
