import type { RouteReason } from '../events/served-by.ts'
import { isUsable } from '../topology/health.ts'
import { equalsOf, leastLoadedFirst, type Equals } from '../server-selection/least-loaded-first.ts'
import { isReplica, readTiers, writeOrder, type Choice, type Chooser } from '../server-selection/server-selection.ts'
import { perRoutingStates, type RoutingState, type RoutingStates } from '../topology/routing-relevant-state.ts'

/** Try this server, for this reason. */
export interface Attempt {
  readonly server: string
  readonly reason: RouteReason
  /** A last resort: this server cannot prove that it shows what the read must show. */
  readonly unproven?: boolean
  /** Only a primary will do: of a name that leads to standbys, too, a connection that leads there. */
  readonly onPrimary?: boolean
}

/** Where the caller wants a statement to run: wherever is best, on the primary, on a region's replica, on one with a label, or on this server only. */
export type Target =
  | { readonly kind: 'nearest' }
  | { readonly kind: 'primary' }
  /** The primary, because the pool's mode says so. */
  | { readonly kind: 'mode' }
  /** `region: undefined` means this process's own. */
  | { readonly kind: 'replica'; readonly region: string | undefined }
  | { readonly kind: 'labelled'; readonly label: string }
  | { readonly kind: 'server'; readonly server: string }

/** The caller wants the answer of this region, of a server with this label, or of this one, whatever another one would say. */
export function isRegional({ kind }: Target): boolean {
  return kind === 'replica' || kind === 'labelled' || kind === 'server'
}

/**
 * The one server that this process normally reads from; `undefined` if several are equally near, or if its name may lead to several
 * machines.
 */
export function usualReadServer(topology: RoutingStates, { region }: Chooser): string | undefined {
  return planFor(topology, NEAREST, region).usual
}

/** Attempts in groups of equals, best first. */
type Tiers = readonly (readonly Attempt[])[]

const NEAREST: Target = { kind: 'nearest' }

interface Plan {
  readonly region: string | undefined
  /** The tiers. Those of one server that follow each other are one list. */
  readonly parts: readonly (Equals<Attempt> | { readonly fixed: readonly Attempt[] })[]
  /** See {@link usualReadServer}. */
  readonly usual: string | undefined
}

/** The servers to read from, in order. Never empty. */
export function planRead(topology: RoutingStates, target: Target, chooser: Chooser): readonly Attempt[] {
  const { parts } = planFor(topology, target, chooser.region)
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return inOrder(first, chooser)
  return ([] as Attempt[]).concat(...parts.map((part) => inOrder(part, chooser)))
}

/** The servers that may run what only a primary can, in order. Never empty. */
export function planPrimary(topology: RoutingStates, reason: RouteReason): readonly Attempt[] {
  return writeOrder(topology).map((server) => ({ server: server.name, reason, onPrimary: true }))
}

/** The primaries, for a statement that a standby could not run. None where one server is meant. */
export function planFallback(topology: RoutingStates, { kind }: Target): readonly Attempt[] {
  return kind === 'server' ? [] : planPrimary(topology, 'retry')
}

/** Those that a handle of the pool has asked for. A handle may be made for a single call, and is not kept. */
const plansOf = perRoutingStates((states) => ({ states, plans: new WeakMap<Target, Plan>() }))

function planFor(topology: RoutingStates, target: Target, region: string | undefined): Plan {
  const { states, plans } = plansOf(topology)
  let plan = plans.get(target)
  if (plan === undefined || plan.region !== region) plans.set(target, (plan = makePlan(states, target, region)))
  return plan
}

function makePlan(topology: RoutingStates, target: Target, region: string | undefined): Plan {
  const tiers = tiersFor(topology, target, region)
  const [best = []] = tiers
  const [first] = best
  const server = best.length === 1 ? topology.servers.find(({ name }) => name === first?.server) : undefined
  return {
    region,
    parts: partsOf(tiers, new Map(topology.servers.map(({ name, weight }) => [name, weight]))),
    usual: server !== undefined && isOneMachine(server) ? server.name : undefined,
  }
}

type Part = Plan['parts'][number]

function partsOf(tiers: Tiers, weights: ReadonlyMap<string, number>): Part[] {
  const parts: Part[] = []
  let fixed: Attempt[] | undefined
  for (const members of tiers) {
    if (members.length > 1) {
      // Servers of weight 0 have no equals but each other.
      const weightOf = ({ server }: Attempt): number => weights.get(server) || 1
      parts.push(equalsOf(members, members.map(weightOf)))
      fixed = undefined
    } else {
      if (fixed === undefined) parts.push({ fixed: (fixed = []) })
      fixed.push(...members)
    }
  }
  return parts
}

function inOrder(part: Part, chooser: Chooser): readonly Attempt[] {
  return 'fixed' in part ? part.fixed : leastLoadedFirst(part, chooser)
}

function isOneMachine({ machine, members, pooled }: RoutingState): boolean {
  return machine !== undefined && members.length === 0 && !pooled
}

function tiersFor(topology: RoutingStates, target: Target, region: string | undefined): Tiers {
  switch (target.kind) {
    case 'nearest':
      return readTiers(topology, region).map((tier) => tier.map(attempt))
    case 'primary':
      return planPrimary(topology, 'asked').map((each) => [each])
    case 'mode':
      return planPrimary(topology, 'mode').map((each) => [each])
    case 'replica':
      return replicaTiers(topology, target.region ?? region)
    case 'labelled':
      return labelledTiers(topology, target.label, region)
    case 'server':
      return [[{ server: target.server, reason: 'asked' }]]
  }
}

/** A region's replicas; the primary if the region has none; then all others by distance. */
function replicaTiers(topology: RoutingStates, region: string | undefined): Tiers {
  const configured = topology.servers.some((server) => server.declared === 'replica' && server.region === region)
  const nearest = readTiers(topology, region)
  const asked = nearest.map((tier) =>
    tier.filter(({ server, place }) => place === 'own-region' && isReplica(server)).map(({ server }) => server.name),
  )
  const instead = configured ? [] : writeOrder(topology).map((server) => [primaryFor(region, server)])
  return withoutRepeats([
    ...asked.map((names) => names.map((server): Attempt => ({ server, reason: 'asked' }))),
    ...instead,
    ...nearest.map((tier) => tier.map(attempt)),
  ])
}

/** The replicas with a label, whatever their weight; then the primary if it has it; then all others by distance. */
function labelledTiers(topology: RoutingStates, label: string, region: string | undefined): Tiers {
  const nearest = readTiers(topology, region)
  const asked = nearest.map((tier) =>
    tier.filter(({ server }) => isUsable(server) && server.labels.includes(label)).map(({ server }) => server),
  )
  const withLabel = (wanted: boolean): Tiers =>
    asked.map((tier) =>
      tier
        .filter((server) => isReplica(server) === wanted)
        .map(({ name }): Attempt => ({ server: name, reason: 'asked' })),
    )
  return withoutRepeats([...withLabel(true), ...withLabel(false), ...nearest.map((tier) => tier.map(attempt))])
}

function primaryFor(region: string | undefined, server: RoutingState): Attempt {
  const asked = region !== undefined && server.region === region
  return { server: server.name, reason: asked ? 'asked' : 'no-replica' }
}

function attempt({ server, place }: Choice): Attempt {
  return { server: server.name, reason: place }
}

function withoutRepeats(tiers: Tiers): Tiers {
  const seen = new Set<string>()
  return tiers
    .map((tier) => tier.filter(({ server }) => !seen.has(server) && seen.add(server)))
    .filter((tier) => tier.length > 0)
}

/** With the servers to avoid behind all others. */
export function avoiding(avoid: readonly string[] | undefined, attempts: readonly Attempt[]): readonly Attempt[] {
  if (avoid === undefined || avoid.length === 0) return attempts
  const avoided = ({ server }: Attempt): boolean => avoid.includes(server)
  return [...attempts.filter((each) => !avoided(each)), ...attempts.filter(avoided)]
}
