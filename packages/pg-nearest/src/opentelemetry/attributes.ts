import type { Attributes } from '@opentelemetry/api'
import { isNoServerError, isOutcomeUnknownError, lookAt } from '../errors.ts'
import type { QueryTrace } from '../events/diagnostics-channels.ts'
import type { PublicAddress } from '../servers/public-addresses.ts'
import { codeOf, isErrorResponse } from '../driver-errors.ts'

/** On every span and every measurement. */
export const SYSTEM: Attributes = { 'db.system.name': 'postgresql' }

/** A server's address by the semantic conventions, without user and password. */
export function addressAttributes(address: PublicAddress | undefined): Attributes {
  if (address === undefined) return {}
  const { host, port, database } = address
  return {
    'server.address': host,
    ...(host.startsWith('/') ? {} : { 'server.port': port }),
    ...(database === undefined ? {} : { 'db.namespace': database }),
  }
}

/** Attributes of a statement that has ended, for its span and its duration. */
export function outcomeAttributes(
  { servedBy, result, error, mode }: QueryTrace,
  addresses: ReadonlyMap<string, PublicAddress>,
): Attributes {
  const server = servedBy?.server ?? (isOutcomeUnknownError(error) ? error.server : undefined)
  return {
    ...addressAttributes(server === undefined ? undefined : addresses.get(server)),
    ...(result?.command === undefined ? {} : { 'db.operation.name': result.command }),
    ...(server === undefined ? {} : { 'pg_nearest.server': server }),
    'pg_nearest.mode': mode,
    ...(servedBy === undefined ? {} : { 'pg_nearest.role': servedBy.role }),
    ...(servedBy?.region === undefined ? {} : { 'pg_nearest.region': servedBy.region }),
    ...errorAttributes(error),
  }
}

/** How many servers were tried for a statement. 0 for a BEGIN that is sent with the statement behind it. */
export function attemptsOf({ servedBy, error }: QueryTrace): number | undefined {
  return servedBy?.attempts ?? (isNoServerError(error) ? error.attempts.length : undefined)
}

function errorAttributes(error: unknown): Attributes {
  if (error === undefined) return {}
  const code = codeOf(error)
  const type = code ?? lookAt(() => (error instanceof Error ? error.name : undefined)) ?? '_OTHER'
  const sqlState = isErrorResponse(error) || isOutcomeUnknownError(error) ? code : undefined
  return { 'error.type': type, ...(sqlState === undefined ? {} : { 'db.response.status_code': sqlState }) }
}
