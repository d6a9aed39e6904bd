import { closestName } from '../error-messages/closest-name.ts'
import { kilometresBetween } from '../discovery/region-places.ts'
import type { Status } from '../servers/status.ts'
import { sayOf, type Finding } from './finding.ts'

/** A region without a server is nothing wrong; one that nobody knows may be a typing error. */
export function regionOf({ region, servers }: Status): readonly Finding[] {
  const known = [...new Set(servers.flatMap((server) => server.region ?? []))]
  if (region === undefined || known.length === 0 || known.includes(region)) return []
  const say = sayOf(undefined)
  const [first = region] = known
  const meant = kilometresBetween(region, first) === undefined ? closestName(region, known) : undefined
  if (meant === undefined) return [say.good(`No server is in ${region}: it reads from the nearest, by time.`)]
  return [
    say.unknown('DOCTOR_NO_SUCH_REGION', `No server is in ${region}. Is ${meant} meant?`, {
      why: 'As long as the name is another, the nearest by time is read from, and what is said of beside and far is not true.',
      mend: `FLY_REGION=${meant} (or MY_REGION), if this runs in ${meant}`,
    }),
  ]
}
