import type { Member, MemberFacts, ServerState, Topology } from '../topology/topology-types.ts'
import { lagOf } from './lag.ts'
import { walReceptionOf } from './wal-reception.ts'
import type { PrimaryTrail } from './staleness.ts'
import type { Observation } from './topology-updates.ts'

/** One of the machines that a name leads to. */
export type MemberMachine = Omit<Member, keyof MemberFacts>

const NOTHING: MemberFacts = {
  lagBytes: undefined,
  stalenessMs: undefined,
  walEnd: undefined,
  receiving: undefined,
  lacksSince: undefined,
  stalledMs: undefined,
  lastSeenAt: undefined,
}

/** What was known of a machine behind a server's name: each falls behind, and stalls, by itself. */
export function factsBefore({ machine, members, ...known }: ServerState, of: string | undefined): MemberFacts {
  return members.find((member) => member.machine === of) ?? (machine === of ? known : NOTHING)
}

/**
 * The machines behind a server's name after one of them has answered.
 *
 * @param before - the server ahead of the answer.
 */
export function updateMachines(
  topology: Topology,
  trail: PrimaryTrail,
  before: ServerState,
  machines: readonly MemberMachine[],
  seen: Observation,
): readonly Member[] {
  return machines.map((each) => {
    const known = factsBefore(before, each.machine)
    if (each.machine !== seen.machine) return { ...each, ...pick(known) }
    return { ...each, ...lagOf(trail, seen), ...walReceptionOf(topology, known, seen), lastSeenAt: seen.answeredAt }
  })
}

function pick({
  lagBytes,
  stalenessMs,
  walEnd,
  receiving,
  lacksSince,
  stalledMs,
  lastSeenAt,
}: MemberFacts): MemberFacts {
  return { lagBytes, stalenessMs, walEnd, receiving, lacksSince, stalledMs, lastSeenAt }
}
