import type { ServerState } from '../topology/topology-types.ts'
import { isAmong, isPlaceShared, isSameMachine, isSameRun, withMachine } from './same-machine.ts'
import type { Observation } from './topology-updates.ts'

type Seen = Pick<Observation, 'role' | 'machine'>
type Known = Pick<ServerState, 'seenInRecovery' | 'standbys' | 'machine' | 'members'>

/**
 * Whether the machine that has answered is, or was seen as, a standby. That another one was, to which the name led before, shows nothing: a
 * restored backup may have taken its place. Where it is not told which one answers, the name stands for the machine.
 *
 * @param others - the machines to which the other names led last.
 */
export function wasInRecovery(
  before: Known,
  { role, machine }: Seen,
  others: () => readonly (string | undefined)[],
): boolean {
  if (role === 'replica') return true
  if (machine === undefined || before.machine === undefined) return before.seenInRecovery
  const isSame = isPlaceShared(machine, others()) ? isSameRun : isSameMachine
  if (isAmong(before.standbys, machine, isSame)) return true
  if (isSame(before.machine, machine)) return before.seenInRecovery
  return before.members.some((member) => member.role === 'replica' && isSame(member.machine, machine))
}

/** The machines that were seen in recovery behind a name, after one has answered. */
export function standbysAfter({ standbys }: Known, { role, machine }: Seen): readonly string[] {
  return role !== 'replica' || machine === undefined ? standbys : withMachine(standbys, machine)
}
