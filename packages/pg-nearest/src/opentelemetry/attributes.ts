import type { Attributes } from '@opentelemetry/api'
import { isNoServerError, isOutcomeUnknownError } from '../errors.ts'
import type { QueryTrace } from '../events/diagnostics-channels.ts'
import type { PublicAddress } from '../pool/address-registry.ts'
import { codeOf, isAnswer } from '../server-failure.ts'

/** Of every span and every measurement. */
export const SYSTEM: Attributes = { 'db.system.name': 'postgresql' }

/** Where a server is, in the words of the conventions: neither user nor password. */
export function addressAttributes(address: PublicAddress | undefined): Attributes {
  if (address === undefined) return {}
  const { host, port, database } = address
  return {
    'server.address': host,
    ...(host.startsWith('/') ? {} : { 'server.port': port }),
    ...(database === undefined ? {} : { 'db.namespace': database }),
  }
}

/** What is known of a statement once it has ended, for its span and its duration. Pure. */
export function outcomeAttributes(
  { servedBy, result, error }: QueryTrace,
  addresses: ReadonlyMap<string, PublicAddress>,
): Attributes {
  const server = servedBy?.server ?? (isOutcomeUnknownError(error) ? error.server : undefined)
  return {
    ...addressAttributes(server === undefined ? undefined : addresses.get(server)),
    ...(result?.command === undefined ? {} : { 'db.operation.name': result.command }),
    ...(server === undefined ? {} : { 'pg_nearest.server': server }),
    ...(servedBy === undefined ? {} : { 'pg_nearest.role': servedBy.role }),
    ...(servedBy?.region === undefined ? {} : { 'pg_nearest.region': servedBy.region }),
    ...errorAttributes(error),
  }
}

/** Servers that were tried for a statement. 0 for a BEGIN that waits for the statement behind it. */
export function attemptsOf({ servedBy, error }: QueryTrace): number | undefined {
  return servedBy?.attempts ?? (isNoServerError(error) ? error.attempts.length : undefined)
}

function errorAttributes(error: unknown): Attributes {
  if (error === undefined) return {}
  const code = codeOf(error)
  const type = code ?? (error instanceof Error ? error.name : '_OTHER')
  const sqlState = isAnswer(error) || isOutcomeUnknownError(error) ? code : undefined
  return { 'error.type': type, ...(sqlState === undefined ? {} : { 'db.response.status_code': sqlState }) }
}
