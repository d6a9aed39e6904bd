import type { QueryEvent, RouteReason } from 'pg-nearest'

/** What a region is called where none is configured. */
export const regionName = (region: string | undefined): string => region ?? 'local'

/** One server that a request asked, and the time that its queries took together. */
export interface Visit {
  readonly region: string
  readonly role: string
  readonly wrote: boolean
  readonly ms: number
}

const writing: ReadonlySet<RouteReason> = new Set(['write', 'learned-write'])

/** The servers that a request asked, in the order of the first query to each. Queries that no server answered are left out. */
export const visits = (queries: readonly QueryEvent[]): readonly Visit[] => {
  const byServer = new Map<string, Visit>()
  for (const { servedBy, durationMs } of queries) {
    if (!servedBy) continue
    const { server, region, role, reason } = servedBy
    const before = byServer.get(server)
    byServer.set(server, {
      region: regionName(region),
      role,
      wrote: before?.wrote || writing.has(reason) || (role === 'primary' && reason === 'transaction'),
      ms: (before?.ms ?? 0) + durationMs,
    })
  }
  return [...byServer.values()]
}

/** `served by ord · read from ord (replica) in 1.9 ms` */
export const servedLine = (region: string | undefined, queries: readonly QueryEvent[]): string =>
  [`served by ${regionName(region)}`, ...visits(queries).map(visitText)].join(' · ')

const visitText = ({ region, role, wrote, ms }: Visit): string =>
  `${wrote ? 'wrote to' : 'read from'} ${region} (${role}) in ${milliseconds(ms)}`

const milliseconds = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`

/** The same for the browser's developer tools: `ord;desc="replica";dur=1.9`. */
export const serverTiming = (queries: readonly QueryEvent[]): string =>
  visits(queries)
    .map(({ region, role, ms }) => `${region};desc="${role}";dur=${ms.toFixed(1)}`)
    .join(', ')
