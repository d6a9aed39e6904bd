import type { ServerStatus } from '../servers/status.ts'
import { setVariables, variableOf } from './commands.ts'
import { isInPlace, placeOf, writerOf, type ServerLocation } from '../examination/server-endpoint.ts'

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
  const was = { region: before.region, declared: 'replica' } as const
  const region = now.region === undefined ? '' : ` PRIMARY_REGION=${now.region}`
  const assignments = `DATABASE_URL=<that of ${now.name}> ${variableOf(was)}=<that of ${before.name}>${region}`
  return `${setVariables(placeOf(now, places), assignments)}: the two change places`
}
