import { setTimeout as sleep } from 'node:timers/promises'
import type { World } from 'pg-nearest-world'
import { nearMs } from '../../src/freshness/wait-budget.ts'
import type { NearestPool } from '../../src/index.ts'

/** What sessions saw behind a name that leads to several machines. */
export interface BalancedHistory {
  /** Those that began while the pool had measured that its name is near: on a busy machine it may seem to be as far as the primary. */
  readonly reads: number
  /** Reads that lacked their own session's write. */
  readonly missed: number
  /** Reads that showed less than an earlier one of their session. */
  readonly wentBack: number
  /** Of {@link reads}. */
  readonly local: number
  readonly failed: readonly unknown[]
}

export interface BalancedLoad {
  /** So many of them are counted. */
  readonly reads: number
  readonly sessions: number
  /** Of each session, between two writes. */
  readonly readsPerWrite: number
}

export const COUNTERS = 'create table counters (id int primary key, n int not null)'

/** Each session counts in a row of its own, and reads it. */
export async function countInSessions(pool: NearestPool, load: BalancedLoad): Promise<BalancedHistory> {
  let left = load.reads
  const seen = { reads: 0, missed: 0, wentBack: 0, local: 0, failed: [] as unknown[] }
  const one = async (id: number): Promise<void> => {
    await pool.session(undefined, async () => {
      let written = 0
      let shown = 0
      while (left > 0) {
        await pool.query('insert into counters values ($1, 1) on conflict (id) do update set n = counters.n + 1', [id])
        written++
        for (let i = 0; i < load.readsPerWrite && left > 0; i++) {
          await sleep(Math.random() * 10)
          const counts = isNear(pool)
          if (counts) left--
          try {
            const { rows, servedBy } = await pool.query<{ n: number }>('select n from counters where id = $1', [id])
            const n = rows[0]?.n ?? 0
            if (counts) seen.reads++
            if (n < written) seen.missed++
            if (n < shown) seen.wentBack++
            if (counts && servedBy.role === 'replica') seen.local++
            shown = n
          } catch (error) {
            seen.failed.push(error)
          }
        }
      }
    })
  }
  await Promise.all(Array.from({ length: load.sessions }, (_, i) => one(i)))
  return seen
}

function isNear(pool: NearestPool): boolean {
  const [primaryMs, replicaMs] = pool.status().servers.map(({ leastRttMs }) => leastRttMs)
  return replicaMs !== undefined && replicaMs <= nearMs(primaryMs)
}

/** Pauses all but one of these standbys, another one each time, until it is told to stop. */
export function pauseInTurn(world: World, standbys: readonly string[], everyMs: number): () => Promise<void> {
  let over = false
  const paused = new Set<string>()
  const turn = async (): Promise<void> => {
    for (let i = 0; !over; i++) {
      const spared = standbys[i % standbys.length] ?? ''
      await reached(world.resumeReplay(spared))
      paused.delete(spared)
      for (const region of standbys) {
        if (region !== spared && (await reached(world.pauseReplay(region)))) paused.add(region)
      }
      await sleep(everyMs)
    }
    for (const region of paused) await reached(world.resumeReplay(region))
  }
  const turned = turn()
  return () => {
    over = true
    return turned
  }
}

/** Somebody may have killed it. */
function reached(command: Promise<void>): Promise<boolean> {
  return command.then(
    () => true,
    () => false,
  )
}
