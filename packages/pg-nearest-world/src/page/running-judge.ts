import type pg from 'pg'
import type { Counters } from 'pg-nearest-page'
import { createRunningVerdict } from '../chaos/running-verdict.ts'
import { isRead, type Deed } from '../chaos/deed.ts'
import type { Finding } from '../chaos/verdict.ts'
import { rowsOf } from '../chaos/promotion.ts'
import { impatientPool } from './impatient-pool.ts'
import type { PageWorld } from './page-world.ts'

/** What ended longer ago is not judged again. */
const WINDOW_MS = 120_000
const PATIENCE_MS = 2_000

/** Judges what the apps did, as `npm run chaos` does at its end, again and again. */
export interface RunningJudge {
  /** Resolves with what is new. Judges only the reads while the primary is being replaced, or cannot be asked for its rows. */
  judge(): Promise<readonly Finding[]>
  /** Looks whether there is another primary; often, so that it is known when it came. */
  notice(): void
  readonly counts: Counters
  close(): Promise<void>
}

/** @param isChanging - whether this page is at work on the world, and notes who is promoted. Otherwise it was done from outside. */
export function createRunningJudge(
  { world, diary, promotions, firstPrimary }: PageWorld,
  isChanging: () => boolean,
): RunningJudge {
  const verdict = createRunningVerdict()
  const writer = (): string => promotions.at(-1)?.promoted ?? firstPrimary
  let counted = 0
  let noticed = { primary: firstPrimary, since: 0, at: 0 }
  let lookedAt = 0
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
  /** What a server that was promoted from outside had then it is not asked in time: what it has now tells nearly the same. */
  const adopt = async (): Promise<void> => {
    const { primary: promoted, since, at } = noticed
    const [old, before] = [writer(), promotions.length]
    const rows = await rowsOf(poolAt(world.url(promoted))).catch(() => undefined)
    if (rows === undefined || isChanging() || promotions.length !== before || world.primary !== promoted) return
    promotions.push({ old, promoted, startedAt: at, standbyUntil: since, promotedAt: at, ids: new Set(rows.keys()) })
  }
  const notice = (): void => {
    const now = diary.recorder.now()
    if (world.primary !== noticed.primary) noticed = { primary: world.primary, since: lookedAt, at: now }
    lookedAt = now
  }
  /** Whether a read may fail, its rows and the promotions do not tell. */
  const judgeReads = (deeds: readonly Deed[]): readonly Finding[] =>
    verdict.judge({ deeds: deeds.filter(isRead), rows: new Map(), promotions: [], history: [], losses: [] })

  return {
    notice,
    async judge() {
      const now = diary.recorder.now()
      const deeds = diary.deeds.filter(({ completedAt }) => completedAt < now)
      verdict.count(deeds.filter(({ completedAt }) => completedAt > counted))
      counted = deeds.at(-1)?.completedAt ?? counted
      const failedReads = judgeReads(deeds)
      const ids = new Set(deeds.flatMap((deed) => deed.ids))
      const settled = promotions.length
      if (!world.isUp(world.primary)) return failedReads
      if (world.primary !== writer()) {
        notice()
        if (!isChanging()) await adopt()
        return failedReads
      }
      const rows = await rowsOf(poolAt(world.url(world.primary)), ids.size === 0 ? 0 : Math.min(...ids)).catch(
        () => undefined,
      )
      if (rows === undefined || promotions.length !== settled || world.primary !== writer()) return failedReads
      const found = verdict.judge({
        deeds,
        // A write that is under way is nobody's yet.
        rows: new Map([...rows].filter(([id]) => ids.has(id))),
        promotions,
        history: diary.recorder.history.filter(({ completedAt }) => completedAt < now),
        losses: diary.losses,
      })
      diary.forget(now - WINDOW_MS)
      return [...failedReads, ...found]
    },
    get counts() {
      return verdict.counts
    },
    close,
  }
}
