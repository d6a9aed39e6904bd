import type { ServerState, Topology } from '../topology/topology-types.ts'
import { isAmong, isSameMachine, withMachine } from './same-machine.ts'
import type { Observation } from './topology-updates.ts'

/**
 * Whether the machine that has answered was seen beside the declared primary, behind whatever name. That another one was, to which the name
 * led before, shows nothing. Where it is not told which one answers, the name stands for the machine.
 */
export function wasBesidePrimary(
  { rivals = [] }: Pick<Topology, 'rivals'>,
  before: Pick<ServerState, 'seenBesidePrimary' | 'machine'>,
  { machine }: Pick<Observation, 'machine'>,
): boolean {
  if (machine === undefined) return before.seenBesidePrimary
  const isSame = before.machine === undefined || isSameMachine(before.machine, machine)
  return (isSame && before.seenBesidePrimary) || isAmong(rivals, machine)
}

/** The next snapshot after these servers have said that they are the primary while the declared one did, too. */
export function withRivals(
  topology: Topology,
  declared: ServerState,
  isRival: (server: ServerState) => boolean,
): Topology {
  let { rivals = [] } = topology
  const servers = topology.servers.map((server) => {
    if (!isRival(server)) return server
    const { machine } = server
    // Another name may lead to the declared primary itself.
    if (machine !== undefined && machine !== declared.machine) rivals = withMachine(rivals, machine)
    return { ...server, seenBesidePrimary: true }
  })
  return { ...topology, servers, rivals }
}
