import type pg from 'pg'
import type { Counters } from 'pg-nearest-page'
import { createRunningVerdict } from '../chaos/running-verdict.ts'
import type { Finding } from '../chaos/verdict.ts'
import { rowsOf } from '../chaos/promotion.ts'
import { impatientPool } from './impatient-pool.ts'
import type { PageWorld } from './page-world.ts'

/** What ended longer ago is not judged again. */
const WINDOW_MS = 120_000
const PATIENCE_MS = 2_000

/** Judges what the apps did, as `npm run chaos` does at its end, again and again. */
export interface RunningJudge {
  /** Resolves with what is new. Does nothing while the primary is being replaced, or cannot be asked for its rows. */
  judge(): Promise<readonly Finding[]>
  readonly counts: Counters
  close(): Promise<void>
}

export function createRunningJudge({ world, diary, promotions, firstPrimary }: PageWorld): RunningJudge {
  const verdict = createRunningVerdict()
  const writer = (): string => promotions.at(-1)?.promoted ?? firstPrimary
  let counted = 0
  let primary: { readonly url: string; readonly pool: pg.Pool } | undefined
  const close = async (): Promise<void> => {
    const before = primary
    primary = undefined
    await before?.pool.end()
  }
  /** Over one connection, for as long as the primary is the same. */
  const poolAt = (url: string): pg.Pool => {
    if (primary?.url === url) return primary.pool
    void close()
    const pool = impatientPool(url, PATIENCE_MS)
    primary = { url, pool }
    return pool
  }
  return {
    async judge() {
      const now = diary.recorder.now()
      const deeds = diary.deeds.filter(({ completedAt }) => completedAt < now)
      verdict.count(deeds.filter(({ completedAt }) => completedAt > counted))
      counted = deeds.at(-1)?.completedAt ?? counted
      const ids = new Set(deeds.flatMap((deed) => deed.ids))
      const settled = promotions.length
      if (world.primary !== writer() || !world.isUp(world.primary)) return []
      const rows = await rowsOf(poolAt(world.url(world.primary)), ids.size === 0 ? 0 : Math.min(...ids)).catch(
        () => undefined,
      )
      if (rows === undefined || promotions.length !== settled || world.primary !== writer()) return []
      const found = verdict.judge({
        deeds,
        // A write that is under way is nobody's yet.
        rows: new Map([...rows].filter(([id]) => ids.has(id))),
        promotions,
        history: diary.recorder.history.filter(({ completedAt }) => completedAt < now),
        losses: diary.losses,
      })
      diary.forget(now - WINDOW_MS)
      return found
    },
    get counts() {
      return verdict.counts
    },
    close,
  }
}
