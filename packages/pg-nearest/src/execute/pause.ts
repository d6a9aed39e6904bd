import { setTimeout as sleep } from 'node:timers/promises'

const FIRST_MS = 5
const LONGEST_MS = 250

/** Before the second round and later ones, any time up to a limit that doubles: nobody is asked in a tight loop. */
export async function pause(round: number): Promise<void> {
  if (round > 1) await sleep(Math.random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(round, 10)))
}
