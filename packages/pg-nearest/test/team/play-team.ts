import { setTimeout as sleep } from 'node:timers/promises'
import type { World } from 'pg-nearest-world'
import type { Done, Task } from './member.ts'

/** The member in one region. */
export interface Member {
  readonly region: string
  perform(task: Task): Promise<Done>
}

export interface Played {
  readonly saved: number
  readonly looked: number
  /** Looks that did not show what somebody had been told was saved before they began. */
  readonly missed: readonly string[]
  readonly failed: readonly string[]
  /** The part of the looks that the primary answered. */
  readonly onPrimary: number
}

export const ITEMS = 20

/** Members of a team save and look, each at what another one may just have saved. */
export async function playTeam(
  members: readonly Member[],
  {
    operations,
    atOnce,
    random,
  }: { readonly operations: number; readonly atOnce: number; readonly random: () => number },
): Promise<Played> {
  const told = new Map<number, number>()
  const missed: string[] = []
  const failed: string[] = []
  let [begun, saved, looked, onPrimary] = [0, 0, 0, 0]
  const work = async (): Promise<void> => {
    while (begun < operations) {
      const id = begun++
      const item = Math.floor(random() * ITEMS)
      const member = members[Math.floor(random() * members.length)]
      if (member === undefined) return
      const task: Task = { id, do: random() < 0.3 ? 'save' : 'look', item }
      const before = told.get(item) ?? 0
      try {
        // oxlint-disable-next-line no-await-in-loop -- so many at once, and no more
        const done = await member.perform(task)
        if (task.do === 'save') {
          saved++
          told.set(item, Math.max(told.get(item) ?? 0, done.version))
          continue
        }
        looked++
        if (done.onPrimary) onPrimary++
        if (done.version < before)
          missed.push(`${member.region} saw ${done.version} of item ${item}, and not ${before}`)
      } catch (error) {
        failed.push(String(error))
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return { saved, looked, missed, failed, onPrimary: onPrimary / looked }
}

/** Pauses the replay of replicas at random, until the signal is aborted. */
export async function pauseAtRandom(world: World, signal: AbortSignal, random: () => number): Promise<void> {
  const replicas = world.regions.filter((region) => region !== world.primary)
  while (!signal.aborted) {
    const region = replicas[Math.floor(random() * replicas.length)]
    if (region === undefined) return
    await world.pauseReplay(region)
    await sleep(50 + random() * 350)
    await world.resumeReplay(region)
    await sleep(random() * 200)
  }
}
