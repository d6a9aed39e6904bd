import { formatLsn } from './lsn.ts'
import type { Member, ServerState, Topology } from './topology-types.ts'

/** A standby asks for WAL again within five seconds after it was refused it (`wal_retrieve_retry_interval`). */
export const STALLED_AFTER_MS = 10_000

/** It has received nothing for so long, though the primary had more, that reads avoid it. Where that is not known it does not count. */
export function isStalled(topology: Threshold, server: Receiver): boolean {
  const { members } = server
  return members.length > 1
    ? members.every((member) => isStalledMachine(topology, member))
    : isStalledMachine(topology, server)
}

type Threshold = Pick<Topology, 'stalledAfterMs'>

interface Receiver extends Pick<ServerState, 'stalledMs'> {
  readonly members: readonly Pick<Member, 'stalledMs'>[]
}

/** Those of the machines behind its name that are stalled. */
export function stalledMembers(topology: Threshold, { members }: ServerState): readonly Member[] {
  return members.length > 1 ? members.filter((member) => isStalledMachine(topology, member)) : []
}

/** The same of one machine. */
export function isStalledMachine(
  { stalledAfterMs = STALLED_AFTER_MS }: Threshold,
  { stalledMs }: Pick<ServerState, 'stalledMs'>,
): boolean {
  return stalledMs !== undefined && stalledMs >= stalledAfterMs
}

/** For the members of a name, of which others go on. */
export function describeStalledMembers({ name, members }: ServerState, stalled: readonly Member[]): string {
  const which = stalled.map(({ machine, walEnd }) => `${addressOf(machine)}${endOf(walEnd)}`).join(' and ')
  return `${name} leads to ${members.length} servers in turn, of which ${which} ${stalled.length === 1 ? 'receives' : 'receive'} nothing from the primary any more, so that reads avoid ${stalled.length === 1 ? 'it' : 'them'}: ${STALL_REMEDY}.`
}

/** Of the start, the address and the port. */
function addressOf(machine: string): string {
  const [started, ...address] = machine.split(' ')
  return address.length === 0 ? `the one that started at ${started}` : address.join(':')
}

/** Stays the same while it lasts, so that it is told once. */
export function describeStall({ name, walEnd }: ServerState): string {
  return `${name} receives nothing from its primary any more${endOf(walEnd)}, so that reads avoid it: ${STALL_REMEDY}.`
}

function endOf(walEnd: bigint | undefined): string {
  return walEnd === undefined ? '' : ` (nothing behind ${formatLsn(walEnd)})`
}

export const STALL_REMEDY =
  'see in its log why its walreceiver has stopped, and look at primary_conninfo, at its slot on the primary (pg_replication_slots), and whether the WAL that it needs is still there'
