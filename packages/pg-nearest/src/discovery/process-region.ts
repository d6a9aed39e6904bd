import { parseRegion, regionOf } from './region-code.ts'
import { isSameArea } from './metro-areas.ts'
import { REGION_VARIABLES } from './region-variables.ts'
import type { Environment } from './parse-server-url.ts'

/** Where this process runs, and how that is known. */
export interface ProcessRegion {
  readonly region: string | undefined
  /** The variable that `region` was found in; `undefined` if the option says it, or nothing does. */
  readonly variable: string | undefined
  /** Variables that hold a region, none of which is listed: `AWS_REGION=eu-west-1`. Empty where the region is known, or is not asked for. */
  readonly unmatched: readonly string[]
}

/** Finds the region of this process among those of the servers, which may change. */
export type FindRegion = (listed: readonly (string | undefined)[]) => ProcessRegion

/**
 * The option `region`, if it names one. Without it, the first variable of a platform whose region is listed. A variable that matches no
 * listed region says nothing: laptops export `AWS_REGION`, too. Either matches a listed region by its own name, or by another platform's
 * for the same area.
 *
 * @param option - `false`: no region, whatever the variables say
 * @throws OptionError for an option that is no region
 */
export function regionFinder(option: unknown, env: Environment): FindRegion {
  if (option === false) return () => UNKNOWN
  if (option !== undefined) {
    const given = parseRegion(option, 'region')
    return (listed) => ({ ...UNKNOWN, region: listedAs(given, listed.filter(isNamed)) ?? given })
  }
  const found = REGION_VARIABLES.flatMap((variable) => codeIn(env, variable))
  return (listed) => match(found, [...new Set(listed)].filter(isNamed))
}

const UNKNOWN: ProcessRegion = { region: undefined, variable: undefined, unmatched: [] }

interface Found {
  readonly variable: string
  readonly code: string
}

/** Azure writes `West Europe` in some places for `westeurope`. What is no code at all was meant for somebody else. */
function codeIn(env: Environment, variable: string): Found[] {
  const code = regionOf(env[variable]?.replaceAll(/\s/g, ''))
  return code === undefined ? [] : [{ variable, code }]
}

function match(found: readonly Found[], listed: readonly string[]): ProcessRegion {
  if (listed.length === 0) return UNKNOWN
  for (const { variable, code } of found) {
    const region = listedAs(code, listed)
    if (region !== undefined) return { region, variable, unmatched: [] }
  }
  return { ...UNKNOWN, unmatched: found.map(({ variable, code }) => `${variable}=${code}`) }
}

function listedAs(code: string, listed: readonly string[]): string | undefined {
  return listed.includes(code) ? code : listed.find((each) => isSameArea(each, code))
}

function isNamed(region: string | undefined): region is string {
  return region !== undefined
}
