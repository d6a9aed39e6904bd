import type { ServerStatus, Status } from '../servers/status.ts'
import { duration } from '../terminal/format.ts'
import { kilometresBetween } from '../discovery/region-places.ts'
import type { Finding, Say } from './finding.ts'
import { flyAppOf, type ServerLocation } from '../examination/server-endpoint.ts'

/** Light in a vacuum, there and back. */
const KM_PER_MS = 299.792_458 / 2
/** Data centres are up to so far from the place that a region is named after, at either end. */
const AROUND_KM = 300
/** Fibre is slower by a half, and its way longer: Tokyo to Amsterdam takes 3.5 times as long as light in a straight line. */
const DETOUR = 6
const LOCAL_MS = 100

/** Round trips against what geography allows. */
export function distanceOf(
  { leastRttMs, region }: ServerStatus,
  place: ServerLocation,
  status: Status,
  say: Say,
): readonly Finding[] {
  if (leastRttMs === undefined || region === undefined || status.region === undefined) return []
  const km = kilometresBetween(status.region, region)
  if (km === undefined) return []
  const leastMs = Math.max(0, km - AROUND_KM) / KM_PER_MS
  const mostMs = (km / KM_PER_MS) * DETOUR + LOCAL_MS
  const measured = `answers within ${duration(leastRttMs)}, and ${status.region} and ${region} are ${Math.round(km)} km apart`
  if (leastRttMs < leastMs) {
    return [
      say.bad('DOCTOR_TOO_NEAR', `${measured}: light takes ${duration(leastMs)}`, {
        why: 'One of the two regions is not where it is said to be, so reads are sent the wrong way.',
        mend: `MY_REGION=<where this runs>, where Fly does not say it (FLY_REGION), or another region for ${place.host}:${place.port} in the list`,
      }),
    ]
  }
  if (leastRttMs > mostMs) {
    const app = flyAppOf(place)
    return [
      say.unknown('DOCTOR_TOO_FAR', measured, {
        why: 'So long a way for so short a distance: a region that is not where it is said to be, or a detour in the network.',
        mend: app === undefined ? `traceroute ${place.host}` : `fly machine list --app ${app}`,
      }),
    ]
  }
  return []
}
