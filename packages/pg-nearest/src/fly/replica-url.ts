import { joinUrl, parametersOf, splitUrl, withParameters } from '../discovery/url-parts.ts'
import { replicaHost } from './replica-host.ts'

/**
 * The URL of a region's replica, from the primary's URL: host and port are replaced, and all the rest stays byte for
 * byte (but `target_session_attrs`, which says what the primary must be). Port 5432 leads to a proxy for the leader and becomes 5433, PostgreSQL itself; any other port stays.
 *
 * @returns `undefined` if the host's family has no rule
 */
export function replicaUrl(primaryUrl: string, region: string): string | undefined {
  const parts = splitUrl(primaryUrl)
  // These parameters override the URL's host and port, so replacing those would have no effect.
  if (parts === undefined || /[?&](?:host|port)=/.test(parts.rest)) return undefined
  const host = replicaHost(parts.host, region)
  if (host === undefined) return undefined
  const port = parts.port === undefined || parts.port === '' || Number(parts.port) === 5432 ? '5433' : parts.port
  return withoutAttributes(joinUrl({ ...parts, host, port }))
}

function withoutAttributes(url: string): string {
  const name = 'target_session_attrs'
  return parametersOf(url).has(name) ? withParameters(url, [name], {}) : url
}
