import type { Status } from '../servers/status.ts'

/** Where this process reads from, and how that is known. */
export function describeOwnRegion({ region, regionVariable, unmatchedRegions }: Status): string {
  if (region !== undefined) return `from ${region}${regionVariable === undefined ? '' : ` (by ${regionVariable})`}`
  const [first, ...more] = unmatchedRegions
  if (first === undefined) return 'from here (no region is set)'
  const verb = more.length === 0 ? 'matches' : 'match'
  return `from here (no region is known: ${unmatchedRegions.join(' and ')} ${verb} none of the listed regions)`
}
