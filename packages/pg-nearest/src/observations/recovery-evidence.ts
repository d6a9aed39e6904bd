import type { ServerState } from '../topology/topology-types.ts'
import { isAmong, isSameMachine, withMachine } from './same-machine.ts'
import type { Observation } from './topology-updates.ts'

type Seen = Pick<Observation, 'role' | 'machine'>
type Known = Pick<ServerState, 'seenInRecovery' | 'standbys' | 'machine' | 'members'>

/**
 * Whether the machine that has answered is, or was seen as, a standby. That another one was, to which the name led before, shows nothing: a
 * restored backup may have taken its place. Where it is not told which one answers, the name stands for the machine.
 */
export function wasInRecovery(before: Known, { role, machine }: Seen): boolean {
  if (role === 'replica') return true
  if (machine === undefined || before.machine === undefined) return before.seenInRecovery
  if (isSameMachine(before.machine, machine)) return before.seenInRecovery || isAmong(before.standbys, machine)
  const standbys = before.members.filter((member) => member.role === 'replica').map((member) => member.machine)
  return isAmong(before.standbys, machine) || isAmong(standbys, machine)
}

/** The machines that were seen in recovery behind a name, after one has answered. */
export function standbysAfter({ standbys }: Known, { role, machine }: Seen): readonly string[] {
  return role !== 'replica' || machine === undefined ? standbys : withMachine(standbys, machine)
}
