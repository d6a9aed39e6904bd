import type { SessionPeer } from '../session/session-peer.ts'

/** A session that has peers as long as others lead to one of the same databases. */
export interface PeerMember {
  readonly peer: SessionPeer
  /** It reads from several servers, or may do so later: where something is written matters. */
  readonly hasChoice: boolean
  /** Others have come or gone. */
  onChange(): void
}

/** By a database's address; plain objects and functions, so that copies of this library need not know each other's code. */
export type PeerRegistry = Map<string, Set<PeerMember>>

/** Leads to these databases from now on, instead of to those from before. */
export function moveMember(
  registry: PeerRegistry,
  member: PeerMember,
  before: readonly string[],
  next: readonly string[],
): void {
  const concerned = new Set<PeerMember>()
  for (const address of before) {
    const members = registry.get(address)
    members?.delete(member)
    for (const each of members ?? []) concerned.add(each)
    if (members?.size === 0) registry.delete(address)
  }
  for (const address of next) {
    const members = registry.get(address) ?? new Set()
    for (const each of members) concerned.add(each)
    registry.set(address, members.add(member))
  }
  for (const each of concerned.add(member)) each.onChange()
}

/** The others that lead to one of these databases. */
export function othersOf(
  registry: PeerRegistry,
  member: PeerMember,
  addresses: readonly string[],
): readonly PeerMember[] {
  const members = new Set(addresses.flatMap((address) => [...(registry.get(address) ?? [])]))
  members.delete(member)
  return [...members]
}
