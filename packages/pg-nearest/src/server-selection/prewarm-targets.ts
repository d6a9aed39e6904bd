import { readTiers, writeOrder } from './server-selection.ts'
import type { RoutingState, RoutingStates } from '../topology/routing-relevant-state.ts'

export interface NextTargetsOptions {
  readonly region: string | undefined
  /** Nothing is read from replicas. */
  readonly primaryOnly: boolean
  /** From 0 up to, not including, 1: chooses among servers that are equally near. */
  readonly draw: number
}

/** The names of the servers that the next write and the next read will go to, as far as they are up: at most two. */
export function nextTargets(
  states: RoutingStates,
  { region, primaryOnly, draw }: NextTargetsOptions,
): ReadonlySet<string> {
  const [writer] = writeOrder(states)
  const [nearest = []] = primaryOnly ? [] : readTiers(states, region)
  const reader = nearest[Math.floor(draw * nearest.length)]?.server
  const isUp = (server: RoutingState | undefined): server is RoutingState => server?.health === 'up'
  const taking = writer?.role === 'primary' ? writer : undefined
  return new Set([taking, reader].filter(isUp).map(({ name }) => name))
}
