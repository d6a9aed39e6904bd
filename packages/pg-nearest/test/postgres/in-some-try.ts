import { setTimeout as sleep } from 'node:timers/promises'

const TRIES = 20
/** What has been kept apart comes back after a second. */
const PAUSE_MS = 100

/**
 * For what shares a connection: on a busy machine its text may have been slow, or a lane silent, so that it rightly runs where it is alone, and
 * a plan may have been suspected. Then it is tried again. What must hold in each try is expected in `work`.
 *
 * @param work - returns whether it was so.
 */
export async function inSomeTry(work: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < TRIES; i++) {
    if (await work()) return
    await sleep(PAUSE_MS)
  }
  throw new Error(`It was not so in any of ${TRIES} tries`)
}
