import { setTimeout as sleep } from 'node:timers/promises'
import { isRead } from './deed.ts'
import type { Diary } from './diary.ts'

/** For all apps to be well again before the next fault; after that it is a part of what is tested. */
const SETTLES_MS = 15_000

/** Resolves when each app has begun and ended a read and a write from now on. */
export async function settled({ deeds, recorder }: Diary, apps: readonly string[], signal: AbortSignal): Promise<void> {
  const from = recorder.now()
  const start = deeds.length
  const missing = new Set(apps.flatMap((app) => [`${app} true`, `${app} false`]))
  const wellAgain = (): boolean => {
    for (const deed of deeds.slice(start)) {
      if (deed.outcome === 'ok' && deed.invokedAt >= from) missing.delete(`${deed.app} ${isRead(deed)}`)
    }
    return missing.size === 0
  }
  while (!signal.aborted && recorder.now() - from < SETTLES_MS && !wellAgain()) await sleep(50)
}
