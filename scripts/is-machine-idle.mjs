import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_MS = 1_000
/** Of all cores' time. */
const MOST_IN_USE = 0.25

/** Whether hardly anything runs here. Looks for a second. */
export async function isMachineIdle() {
  const before = inUse()
  await sleep(LOOK_MS)
  const after = inUse()
  return (after.busy - before.busy) / (after.all - before.all) < MOST_IN_USE
}

function inUse() {
  let busy = 0
  let all = 0
  for (const { times } of cpus()) {
    const spent = Object.values(times).reduce((sum, ms) => sum + ms, 0)
    all += spent
    busy += spent - times.idle
  }
  return { busy, all }
}
