import { describeValue } from '../error-messages/describe-value.ts'
import { parseRegion } from '../discovery/parse-region.ts'
import type { Environment } from '../discovery/parse-server-url.ts'
import { OptionError } from '../errors.ts'

/** The list of regions: the one in code, else `REPLICA_REGIONS`, separated by commas or white space. */
export function configuredRegions(regions: unknown, env: Environment): readonly string[] {
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
