import type { ServerStatus } from '../servers/status.ts'
import { optionOf, setVariables, variableOf } from './commands.ts'
import {
  isInPlace,
  placeOf,
  writerOf,
  type EnvironmentSource,
  type ServerLocation,
} from '../examination/server-endpoint.ts'

/** Where nothing is known of it, as if none of the variables were set that a list can do without. */
const PLAIN: EnvironmentSource = { from: 'environment', replicaRegions: undefined, variables: new Set() }

/** Two servers whose places in the list are each other's by now. */
interface Swap {
  /** The primary by the list. */
  readonly before: ServerStatus
  /** The primary. */
  readonly now: ServerStatus
  readonly servers: readonly ServerStatus[]
}

/**
 * After a failover that is to stay: the list calls the old primary the primary. `undefined` where the roles are as listed, or nobody is the
 * primary.
 */
export function changePlaces(
  servers: readonly ServerStatus[],
  places: ReadonlyMap<string, ServerLocation>,
): string | undefined {
  const before = servers.find(({ declared }) => declared === 'primary')
  const now = writerOf(servers)
  if (before === undefined || now === undefined || isInPlace(now, servers)) return undefined
  const place = placeOf(now, places)
  const { source = PLAIN } = place
  const mend =
    source.from === 'options' ? swappedOptions(before, now) : swappedVariables({ before, now, servers }, place, source)
  return `${mend}: the two change places`
}

function swappedOptions(before: ServerStatus, now: ServerStatus): string {
  const primary = optionOf({ declared: 'primary', region: now.region }, urlsOf([now]))
  return `${primary} ${optionOf({ declared: 'replica', region: before.region }, urlsOf([before]))}`
}

/** All that fly() reads of the two: what is left of the list from before would contradict the new one. */
function swappedVariables({ before, now, servers }: Swap, place: ServerLocation, source: EnvironmentSource): string {
  const replicas = [before, ...servers.filter((server) => server.declared === 'replica' && server !== now)]
  const inRegion = (region: string | undefined): ServerStatus[] => replicas.filter((each) => each.region === region)
  const regions = [...new Set([before.region, now.region])]
  const [filled, emptied] = [
    regions.filter((region) => inRegion(region).length > 0),
    regions.filter((region) => inRegion(region).length === 0),
  ]
  const variable = (region: string | undefined): string => variableOf({ declared: 'replica', region })
  return setVariables(
    place,
    [
      `DATABASE_URL=${urlsOf([now])}`,
      ...filled.map((region) => `${variable(region)}=${urlsOf(inRegion(region))}`),
      ...(now.region === undefined ? [] : [`PRIMARY_REGION=${now.region}`]),
      ...swappedRegions(source.replicaRegions, before.region, emptied),
    ],
    emptied.map(variable).filter((name) => source.variables.has(name)),
  )
}

function swappedRegions(
  listed: readonly string[] | undefined,
  joins: string | undefined,
  leave: readonly (string | undefined)[],
): readonly string[] {
  if (listed === undefined) return []
  const joining = joins ?? '…'
  // In the place of the one that leaves.
  const after = new Set([...listed.map((region) => (leave.includes(region) ? joining : region)), joining])
  return after.size === listed.length && listed.every((region) => after.has(region))
    ? []
    : [`REPLICA_REGIONS=${[...after].join(',')}`]
}

function urlsOf(servers: readonly ServerStatus[]): string {
  const names = servers.map(({ name }) => name).join(' and ')
  return `<${servers.length === 1 ? 'that' : 'those'} of ${names}>`
}
