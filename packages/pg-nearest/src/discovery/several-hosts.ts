import { OptionError } from '../errors.ts'
import { joinUrl, parameterOf, splitUrl, withParameters } from './url-parts.ts'

/**
 * Takes a URL of several hosts apart, as libpq takes it (`//h1:5432,h2,h3:5433/db`, or `?host=h1,h2&port=5432,5433`): one URL for each
 * host, which all share the rest. A URL of one host, and what is no URL, comes back as it is.
 *
 * @throws OptionError for a list with a gap in it, or with as many ports as nobody knows for which host
 */
export function splitHosts(url: string, option: string): readonly string[] {
  const bad = (message: string): OptionError => new OptionError(option, `${option} ${message}`, 'NEAREST_BAD_URL')
  const parts = splitUrl(url)
  if (parts === undefined) return [url]
  const listed = parameterOf(url, 'host')
  if (listed?.includes(',') === true) {
    const hosts = listed.split(',')
    const ports = parameterOf(url, 'port')?.split(',') ?? []
    if (hosts.includes('')) throw bad(GAP)
    if (ports.length > 1 && ports.length !== hosts.length) {
      throw bad(`names ${hosts.length} hosts and ${ports.length} ports. Give one port for each host, or one for all.`)
    }
    return hosts.map((host, i) => {
      const port = ports[i] ?? ports[0] ?? ''
      return withParameters(url, ['host', 'port'], port === '' ? { host } : { host, port })
    })
  }
  const authority = parts.port === undefined ? parts.host : `${parts.host}:${parts.port}`
  if (!authority.includes(',')) return [url]
  const hosts = authority.split(',')
  if (hosts.includes('')) throw bad(GAP)
  return hosts.map((host) => joinUrl({ ...parts, host, port: undefined }))
}

const GAP = 'has a gap in its list of hosts. Take the comma out, or write the host.'
