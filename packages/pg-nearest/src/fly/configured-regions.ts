import { describeValue } from '../error-messages/describe-value.ts'
import { parseRegion } from '../discovery/region-code.ts'
import { isPlatformRegion } from '../discovery/region-places.ts'
import type { Environment } from '../discovery/parse-server-url.ts'
import { OptionError } from '../errors.ts'

const VARIABLE = /^DATABASE_URL_([A-Z0-9_]+)$/

/** The variable with the URL of a region's replica. */
export function variableOf(region: string): string {
  return `DATABASE_URL_${region.toUpperCase().replaceAll('-', '_')}`
}

/**
 * The regions of platforms whose variable is set, in order: what else begins so (`DATABASE_URL_UNPOOLED`) is somebody else's.
 */
export function regionsWithUrl(env: Environment): readonly string[] {
  return Object.entries(env).flatMap(([name, url]) => {
    const region = VARIABLE.exec(name)?.[1]?.toLowerCase().replaceAll('_', '-')
    return region !== undefined && isPlatformRegion(region) && url?.trim() ? [region] : []
  })
}

/**
 * The list of regions: the one in code, else `REPLICA_REGIONS`, separated by commas or white space; `undefined` if there is neither.
 */
export function configuredRegions(regions: unknown, env: Environment): readonly string[] | undefined {
  if (regions !== undefined && !Array.isArray(regions)) {
    throw new OptionError(
      'regions',
      `regions must be a list such as ['nrt', 'ord'], but it is ${describeValue(regions)}.`,
    )
  }
  const variable = (env['REPLICA_REGIONS'] ?? '').split(/[\s,]+/).filter((entry) => entry !== '')
  if (regions === undefined && variable.some((entry) => entry.includes(';'))) {
    throw new OptionError(
      'REPLICA_REGIONS',
      'REPLICA_REGIONS has a semicolon: separate the regions by commas or spaces.',
    )
  }
  if (regions === undefined && variable.length === 0) return undefined
  const list = regions === undefined ? variable : Array.from<unknown>(regions)
  const seen = new Set<string>()
  for (const [index, value] of list.entries()) {
    const option = regions === undefined ? 'REPLICA_REGIONS' : `regions[${index}]`
    const region = parseRegion(value, option, regions === undefined ? 'A region in REPLICA_REGIONS' : option)
    if (seen.has(region))
      throw new OptionError(option, `${option} names the region ${region} twice. Take one of the two out.`)
    seen.add(region)
  }
  return [...seen]
}

/** Variables with a URL that nothing uses, because a list does not name their regions. */
export function unusedVariables(env: Environment): readonly string[] {
  const listed = configuredRegions(undefined, env)
  if (listed === undefined) return []
  const known = new Set([...listed, env['PRIMARY_REGION']?.trim().toLowerCase()])
  return regionsWithUrl(env).flatMap((region) => (known.has(region) ? [] : [variableOf(region)]))
}
