import type { Replay } from '../findings/replay.ts'
import type { NearestPool } from '../pool/nearest-pool.ts'
import type { Status } from '../servers/status.ts'

const QUESTION = `select pg_catalog.pg_is_wal_replay_paused() as paused,
  1000 * pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp()) as age`

const ANSWER_MS = 2_000

/** Asks the replicas that are behind. One that may not be asked, or that nothing leads to by its region, is left out. */
export async function askReplay(pool: NearestPool, { servers }: Status): Promise<ReadonlyMap<string, Replay>> {
  const handles = pool.replicas()
  const behind = servers.filter(
    ({ role, health, lagBytes = 0 }) => role === 'replica' && health === 'up' && lagBytes > 0,
  )
  const asked = behind.map(async ({ name, region = '' }): Promise<[string, Replay][]> => {
    const answer = await handles
      .get(region)
      ?.query<{ paused: boolean; age: number | null }>({
        text: QUESTION,
        timeoutMs: ANSWER_MS,
        consistency: 'eventual',
      })
      // On a primary the question is an error.
      .catch(() => undefined)
    const row = answer?.rows[0]
    if (row === undefined || answer?.servedBy.server !== name) return []
    return [[name, { paused: row.paused, ageMs: row.age ?? undefined }]]
  })
  return new Map((await Promise.all(asked)).flat())
}
