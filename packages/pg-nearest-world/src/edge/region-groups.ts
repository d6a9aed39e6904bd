import { regions } from '../geo/regions.ts'

const COUNTRIES: Readonly<Record<string, readonly string[]>> = {
  us: ['(US)'],
  usa: ['(US)'],
  na: ['(US)', 'Canada', 'Mexico'],
  sa: ['Brazil', 'Argentina', 'Chile', 'Colombia'],
  eu: ['Netherlands', 'Sweden', 'France', 'Germany', 'United Kingdom', 'Spain', 'Romania', 'Poland'],
  apac: ['Japan', 'Singapore', 'Australia', 'India', 'Hong Kong'],
}

/** Whether a region is meant by a code, by a group such as `eu`, or by `any`. */
export function isMeant(region: string, wanted: string): boolean {
  if (region === wanted || wanted === 'any') return true
  const city = regions.get(region)?.city ?? ''
  return COUNTRIES[wanted]?.some((country) => city.endsWith(country)) ?? false
}
