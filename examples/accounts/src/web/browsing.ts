/** A region that a person may browse from, as the edge of `pg-nearest-world` offers it. */
export interface BrowsingRegion {
  readonly region: string
  readonly city: string
  /** Milliseconds to the primary and back; 0 where it stands. */
  readonly rttMs: number
}

export interface BrowsingFrom {
  readonly regions: readonly BrowsingRegion[]
  /** Where the request came in: Fly's proxy and the edge say so. */
  readonly current: string | undefined
}

/** A region as people call it. */
export const cityOf = ({ regions }: BrowsingFrom, region: string): string =>
  regions.find((each) => each.region === region)?.city ?? region

/** The same page, from another region. The edge takes the region out of the address, and remembers it. */
export const hrefFrom = (url: string, region: string): string => {
  const { pathname, searchParams } = new URL(url)
  searchParams.set('edge-region', region)
  return `${pathname}?${searchParams.toString()}`
}
