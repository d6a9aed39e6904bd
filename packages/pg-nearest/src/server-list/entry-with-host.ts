import { joinUrl, splitUrl, withParameters } from '../discovery/url-parts.ts'
import type { ServerOptions } from './server-list-types.ts'

/** The same entry, but for its host, and its port if the endpoint has one. */
export function entryWithHost(entry: ServerOptions, endpoint: string): ServerOptions {
  const { host = endpoint, port } = splitUrl(`postgres://${endpoint}`) ?? {}
  const { url = entry.connectionString, connectionString: _, ...rest } = entry
  if (url === undefined) return { ...rest, host, ...(port === undefined ? {} : { port }) }
  // These parameters would count instead.
  const parts = splitUrl(withParameters(url, port === undefined ? ['host'] : ['host', 'port'], {}))
  return parts === undefined ? entry : { ...rest, url: joinUrl({ ...parts, host, port: port ?? parts.port }) }
}
