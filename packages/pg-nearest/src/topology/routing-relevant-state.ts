import { isStalledMachine } from './stalled-wal-reception.ts'
import type { Member, ServerState, Topology } from './topology-types.ts'

/** What routing goes by. It must not look at anything else of a server: see {@link perRoutingStates}. */
export interface RoutingState extends Pick<
  ServerState,
  | 'name'
  | 'region'
  | 'declared'
  | 'candidate'
  | 'weight'
  | 'labels'
  | 'role'
  | 'health'
  | 'readOnly'
  | 'rttMs'
  | 'timeline'
  | 'systemIdentifier'
  | 'seenInRecovery'
  | 'seenBesidePrimary'
  | 'stalledMs'
  | 'machine'
  | 'pooled'
  | 'lastSeenAt'
> {
  readonly members: readonly Pick<Member, 'stalledMs'>[]
}

/** How all servers stand at one moment. Every snapshot is one. */
export interface RoutingStates extends Pick<Topology, 'cluster' | 'stalledAfterMs'> {
  readonly servers: readonly RoutingState[]
}

type Differs<T> = (a: T, b: T, states: RoutingStates) => boolean

const isOther = (a: unknown, b: unknown): boolean => a !== b

/** Total, so that nothing which routing goes by can be left out. */
const DIFFERS: { readonly [K in keyof Required<RoutingState>]: Differs<RoutingState[K]> } = {
  name: isOther,
  region: isOther,
  declared: isOther,
  candidate: isOther,
  weight: isOther,
  labels: isOther,
  role: isOther,
  health: isOther,
  readOnly: isOther,
  rttMs: isAnotherDistance,
  timeline: isOther,
  systemIdentifier: isOther,
  seenInRecovery: isOther,
  seenBesidePrimary: isOther,
  stalledMs: isOtherStall,
  machine: isOther,
  members: (a, b, states) =>
    a.length !== b.length || a.some(({ stalledMs }, i) => isOtherStall(stalledMs, b[i]?.stalledMs, states)),
  pooled: isOther,
  // Counts only among those that are down, and stays the same while they are.
  lastSeenAt: () => false,
}

function isOtherStall(a: number | undefined, b: number | undefined, states: RoutingStates): boolean {
  return isStalledMachine(states, { stalledMs: a }) !== isStalledMachine(states, { stalledMs: b })
}

/** A moving average moves with each answer. */
function isAnotherDistance(a: number | undefined, b: number | undefined): boolean {
  if (a === undefined || b === undefined) return a !== b
  return Math.abs(a - b) > Math.max(1, a / 10)
}

const NAMES = Object.keys(DIFFERS) as readonly (keyof RoutingState)[]

/** The first of the snapshots in which the servers stand alike. */
const firsts = new WeakMap<RoutingStates, RoutingStates>()

function firstLike(states: RoutingStates): RoutingStates {
  return firsts.get(states) ?? states
}

/** Whether routing finds in `after` what it found in `before`. */
export function areRoutedAlike(before: Topology, after: Topology): boolean {
  return firstLike(before) === firstLike(after)
}

/**
 * To be told of a snapshot that has come out of another one: if the servers stand alike, what was worked out stays.
 *
 * @param changed - the places of those that are not the same as before. There are as many as before.
 */
export function succeed(before: Topology, after: Topology, changed: readonly number[]): Topology {
  const first = firstLike(before)
  if (changed.every((at) => isLikeFirst(first, at, after.servers[at]))) firsts.set(after, first)
  return after
}

function isLikeFirst(first: RoutingStates, at: number, server: RoutingState | undefined): boolean {
  const was = first.servers[at]
  if (was === undefined || server === undefined) return false
  return NAMES.every((name) => {
    const differs = DIFFERS[name] as Differs<unknown>
    return !differs(was[name], server[name], first)
  })
}

/** What follows from how the servers stand is worked out once for all snapshots in which they stand alike. */
export function perRoutingStates<T>(derive: (states: RoutingStates) => T): (states: RoutingStates) => T {
  const known = new WeakMap<RoutingStates, { readonly derived: T }>()
  const find = (states: RoutingStates): { readonly derived: T } => {
    const first = firstLike(states)
    let found = known.get(first)
    if (found === undefined) known.set(first, (found = { derived: derive(first) }))
    return found
  }
  // Most calls are about the snapshot of the call before, and a WeakMap is measurable on short reads.
  let latest: RoutingStates | undefined
  let found: { readonly derived: T } | undefined
  return (states) => {
    if (found === undefined || states !== latest) {
      found = find(states)
      latest = states
    }
    return found.derived
  }
}
