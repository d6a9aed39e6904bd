import type { Observation } from '../observations/topology-updates.ts'
import type { MachinesBehindNames } from '../positions/machines-behind-names.ts'
import type { ReplacedPrimary } from '../server-watch/monitor-dependencies.ts'
import type { ServerState } from '../topology/topology-types.ts'

type Known = Pick<ServerState, 'role' | 'machine' | 'timeline' | 'systemIdentifier'>
type Heard = Pick<Observation, 'role' | 'machine' | 'timeline' | 'systemIdentifier' | 'dialledAt' | 'pooled'>

/** Another machine has answered than before, or the same one after a restart. */
export function hasMoved(before: Known, heard: Heard): boolean {
  if (before.role === 'unknown') return false
  if (before.machine === undefined || heard.machine === undefined) return isReplaced(before, heard)
  return before.machine !== heard.machine
}

/**
 * The primary to which the name led, if the one that has answered was promoted instead: it may still run, and what it acknowledges is lost.
 *
 * What has not told its machine leads to the new one if it was dialled later than the first connection that is known to. Dialled earlier, it
 * may lead to either: an error that leaves the outcome of a write open is true of both, and an acknowledgement is not. Behind a pooler the
 * order of dialling tells nothing. Nor does it behind a balancer, but there the old one may answer again and again, and what runs on the new
 * one would be cut each time.
 */
export function replacedPrimary(
  before: Known,
  heard: Heard,
  members: Pick<MachinesBehindNames, 'of' | 'isBalanced'>,
  name: string,
): ReplacedPrimary | undefined {
  if (!isReplaced(before, heard)) return undefined
  const start = before.machine?.split(' ')[0]
  if (members.isBalanced(name)) return { start, dialledBefore: Number.NEGATIVE_INFINITY }
  if (heard.pooled) return { start, dialledBefore: Number.POSITIVE_INFINITY }
  const its = members.of(name).find(({ machine }) => machine === heard.machine)
  return { start, dialledBefore: its?.firstDialledAt ?? heard.dialledAt }
}

/** A primary leads one timeline until it restarts. Where none is told, nothing shows which of two is right. */
function isReplaced(before: Known, heard: Heard): boolean {
  if (before.role !== 'primary' || heard.role !== 'primary') return false
  const [its, ours] = [heard.systemIdentifier, before.systemIdentifier]
  if (its !== undefined && ours !== undefined && its !== ours) return false
  return before.timeline !== undefined && heard.timeline !== undefined && heard.timeline > before.timeline
}
