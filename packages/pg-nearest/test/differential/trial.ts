import { differences, type Difference } from './compare.ts'
import { KNOWN, type Known } from './known.ts'
import type { Program } from './operation.ts'
import { placeOf } from './place.ts'
import { play } from './play.ts'
import type { Rig } from './rig.ts'

export interface Trial {
  /** What was played: up to where pg itself never ended. */
  readonly program: Program
  readonly differences: readonly Difference[]
  readonly known: readonly Known[]
  /** The step that pg itself did not end, if there was one. */
  readonly endless?: number | undefined
  /** Which kind of server gave each result of ours. */
  readonly roles: readonly unknown[]
}

/** What pg itself does not end in this time it never does. */
const PG_ENDS_MS = 4_000

/** Plays a program on both sides, from the same state. A side that may be broken is replaced. */
export async function runTrial(rig: Rig, program: Program, boundMs: number): Promise<Trial> {
  await rig.reset()
  const expected = await play(program, { side: rig.theirs, strays: rig.strays, boundMs: PG_ENDS_MS })
  if (expected.hung !== undefined) {
    await rig.renew()
    return { program, differences: [], known: [], endless: expected.hung, roles: [] }
  }
  const transcript = await play(program, { side: rig.ours, strays: rig.strays, boundMs, expected })
  const hungUp = transcript.hung === undefined ? undefined : await rig.renew()
  await rig.ours.rest()
  const roles = [...transcript.outcomes.values()].map(({ role }) => role).filter((role) => role !== undefined)
  const { ours, theirs } = await rig.states()
  const known: Known[] = []
  const found = differences(program, { transcript: expected, state: theirs }, { transcript, state: ours })
  if (hungUp === false) found.push({ what: 'never ends', pg: 'ends', ours: 'destroy() never ends' })
  const unknown: Difference[] = []
  for (const difference of found) {
    const match = KNOWN.find(({ covers }) => covers(difference, placeOf(program, transcript, difference.step)))
    if (match === undefined) unknown.push(difference)
    else known.push(match)
    if (match?.changesTheRest === true) break
  }
  if (unknown.length > 0 && hungUp === undefined) await rig.renew()
  return { program, differences: unknown, known, roles }
}
