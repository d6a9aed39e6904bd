import { WorldError } from '../world-error.ts'
import { greatCircleKm } from './great-circle.ts'
import { regions } from './regions.ts'
import type { Region } from './regions.ts'

/** Milliseconds of median round trip that were measured from Tokyo, over Fly's network, in 2021. */
const measuredFromNrt: ReadonlyMap<string, number> = new Map([
  ['ord', 128],
  ['syd', 137],
  ['atl', 169],
  ['ams', 220],
])

/** Light in glass fibre: two thirds of its speed in a vacuum. */
const FIBRE_KM_PER_MS = (299_792.458 / 1000) * (2 / 3)

/**
 * How much longer than the great circle a packet's way is: cables follow coasts and cities, and routers take time.
 *
 * It is fitted to the four measured pairs, for which the straight line alone would take 101 (ord), 78 (syd), 110 (atl)
 * and 93 ms (ams): factors of 1.27, 1.75, 1.53 and 2.36. Their geometric mean is 1.68, a least-squares fit 1.69.
 * With 1.7 the formula gives 171, 133, 187 and 159 ms: off by +34 %, -3 %, +11 % and -28 %. That is how far a pair can
 * be out whose way nobody has measured: Tokyo to Amsterdam does not go over the pole.
 */
export const ROUTE_FACTOR = 1.7

function find(code: string): Region {
  const region = regions.get(code)
  if (region) return region
  throw new WorldError(
    'WORLD_UNKNOWN_REGION',
    `The distance to the region ${JSON.stringify(code)} is not known. ` +
      `Use one of ${[...regions.keys()].join(', ')}, or give this pair's round trip in the option rtt.`,
  )
}

/**
 * Milliseconds of one round trip between two regions of Fly.io: as measured for the pairs of `nrt` with `ord`, `syd`,
 * `atl` and `ams`; estimated from the distance for all others, and unrounded; 0 within a region.
 *
 * @throws WorldError `WORLD_UNKNOWN_REGION`, if a code is not one of Fly's, now or formerly.
 */
export function regionRtt(a: string, b: string): number {
  const from = find(a)
  const to = find(b)
  if (from === to) return 0
  const measured = a === 'nrt' ? measuredFromNrt.get(b) : b === 'nrt' ? measuredFromNrt.get(a) : undefined
  return measured ?? estimatedRtt(from, to)
}

/** The formula without the measurements: twice the way at the speed of light in fibre, times {@link ROUTE_FACTOR}. */
export function estimatedRtt(a: Region, b: Region): number {
  return ((2 * greatCircleKm(a, b)) / FIBRE_KM_PER_MS) * ROUTE_FACTOR
}
