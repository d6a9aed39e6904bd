import type { LatencySample } from 'pg-nearest-page'
import type { Deed } from '../chaos/deed.ts'
import type { Diary } from '../chaos/diary.ts'
import { median } from './median.ts'
import type { PageApp } from './page-app.ts'

/** What an app's operations took since the function was last called, as medians. */
export function sampleLatency(diary: Diary, { region, plain }: PageApp): () => LatencySample {
  let since = diary.recorder.now()
  return () => {
    const now = diary.recorder.now()
    const deeds = diary.deeds.filter(
      ({ app, completedAt, outcome }) =>
        app === region && outcome === 'ok' && completedAt > since && completedAt <= now,
    )
    since = now
    const took = (holds: (deed: Deed) => boolean): number | undefined =>
      median(deeds.filter(holds).map(({ invokedAt, completedAt }) => completedAt - invokedAt))
    return {
      region,
      nearest: took(({ kind }) => kind === 'read'),
      plain: median(plain.take().filter((ms) => ms !== undefined)),
      write: took(({ kind }) => kind === 'write'),
    }
  }
}
