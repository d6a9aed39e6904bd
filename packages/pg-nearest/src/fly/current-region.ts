import { parseRegion } from '../discovery/region-code.ts'
import type { Environment } from '../discovery/parse-server-url.ts'

/**
 * The region where this process runs: `FLY_REGION`, which Fly sets on every machine, else `MY_REGION`, which you may set
 * anywhere else. `undefined` if neither is set, or both are empty.
 *
 * @throws OptionError if the variable holds something that is no region code
 */
export function currentRegion(env: Environment = process.env): string | undefined {
  return regionFrom(env, 'FLY_REGION') ?? regionFrom(env, 'MY_REGION')
}

/** The region that a variable holds; unset and empty are the same. */
export function regionFrom(env: Environment, variable: string): string | undefined {
  const value = env[variable]?.trim()
  return value === undefined || value === '' ? undefined : parseRegion(value, variable)
}
